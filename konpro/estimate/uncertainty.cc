#include "konpro/estimate/uncertainty.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>

#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

// A job's cost is a function of a triangular quantity. If the price is a
// plain product, its cumulants have a closed form. If increment, minimum or
// whole pieces make few outcomes, each is priced and weighted. Else the
// quantity is cut into as many cells, each priced in its middle: then a step is
// less than 1/256 of the range, and the mean is off by less than 1/100,000 of
// it.
constexpr int64_t kOutcomesMax = 256;

// Quantities above `low`, as floating point: `mode` from 0 to `width`.
struct Triangle {
  explicit Triangle(const QuantityRange& q)
      : width(static_cast<double>(q.high - q.low)),
        mode(static_cast<double>(q.likely - q.low)) {}

  // The probability of at most `x`.
  double Below(double x) const {
    if (x <= 0) return 0;
    if (x >= width) return 1;
    if (x <= mode) return x * x / (width * mode);
    return 1 - (width - x) * (width - x) / (width * (width - mode));
  }

  // The `x` whose Below() is `u`, 0 < u < 1.
  double At(double u) const {
    if (u * width < mode) return std::sqrt(u * width * mode);
    return width - std::sqrt((1 - u) * width * (width - mode));
  }

  double width;
  double mode;
};

struct PossibleCost {
  double probability = 0;
  double cost = 0;
};

// Possible costs and their number; one more for a quantity of zero, and one
// because both ends of a range may lie within a step.
struct PossibleCosts {
  std::array<PossibleCost, kOutcomesMax + 2> values;
  size_t size = 0;

  void Add(double probability, double cost) {
    values[size++] = {probability, cost};
  }
};

double TicksOf(const Price& price, int64_t quantity) {
  return static_cast<double>(price.CostOf(quantity)->ticks());
}

// REQUIRES: at most kOutcomesMax multiples of the increment in the range.
PossibleCosts EachOutcome(const Price& price, const QuantityRange& q) {
  const Triangle triangle(q);
  PossibleCosts outcomes;
  double below = 0;
  for (int64_t first = q.low;;) {
    // All quantities up to the billed one have this cost.
    const int64_t last = std::min(*price.BilledQuantity(first), q.high);
    const double up_to =
        last == q.high
            ? 1
            : triangle.Below(static_cast<double>(last - q.low) + 0.5);
    outcomes.Add(up_to - below, TicksOf(price, first));
    if (last == q.high) return outcomes;
    below = up_to;
    first = last + 1;
  }
}

PossibleCosts Cells(const Price& price, const QuantityRange& q) {
  const Price::Terms& terms = price.terms();
  const Triangle triangle(q);
  const double low = static_cast<double>(q.low);
  const double rate = static_cast<double>(terms.credits.ticks()) /
                      static_cast<double>(terms.per);
  const double step = static_cast<double>(terms.increment);
  // What is billed at least, and all quantities up to it are billed so.
  const double least =
      static_cast<double>(*price.BilledQuantity(terms.minimum));
  PossibleCosts outcomes;
  // What is rounded to nothing costs nothing, whatever the minimum.
  const double begin = q.low == 0 && terms.minimum > 0 ? 0.5 : 0;
  double below = triangle.Below(begin);
  outcomes.Add(below, 0);
  for (int64_t i = 1; i <= kOutcomesMax; ++i) {
    const double share = static_cast<double>(i) / kOutcomesMax;
    const double half = 0.5 / kOutcomesMax;
    const double width = triangle.width - begin;
    const double up_to = triangle.Below(begin + share * width);
    const double middle = low + begin + (share - half) * width;
    const double billed = middle > least ? middle + (step - 1) / 2 : least;
    outcomes.Add(up_to - below, billed * rate);
    below = up_to;
  }
  return outcomes;
}

// The natural logarithm of 0 < x < 1, of the operations that are the same on
// every machine: a power of two and the series of the area tangent.
double Log(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);  // 0.5 .. 1
  const double s = (mantissa - 0.75) / (mantissa + 0.75);
  double sum = 0;
  for (int n = 21; n >= 1; n -= 2) sum = sum * s * s + 1.0 / n;
  constexpr double kLog2 = 0x1.62e42fefa39efp-1;
  constexpr double kLogThreeQuarters = -0x1.269621134db92p-2;
  return exponent * kLog2 + kLogThreeQuarters + 2 * s * sum;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Above 0 and below 1.
  double Uniform() {
    return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53;
  }

  // Marsaglia's polar method.
  double Normal() {
    for (;;) {
      const double x = 2 * Uniform() - 1;
      const double y = 2 * Uniform() - 1;
      const double square = x * x + y * y;
      if (square >= 1 || square == 0) continue;
      return x * std::sqrt(-2 * Log(square) / square);
    }
  }

 private:
  std::mt19937_64 engine_;
};

int64_t Draw(const QuantityRange& q, const Triangle& triangle, Random& random) {
  const double above = triangle.At(random.Uniform()) + 0.5;
  if (above >= triangle.width) return q.high;
  return q.low + static_cast<int64_t>(above);
}

// sum += cost * jobs, or false.
bool AddCost(std::optional<Credits> cost, int64_t jobs, Credits& sum) {
  if (!cost.has_value()) return false;
  cost = CheckedMultiply(*cost, jobs);
  if (cost.has_value()) cost = CheckedAdd(sum, *cost);
  if (cost.has_value()) sum = *cost;
  return cost.has_value();
}

int64_t Clamped(double ticks, Credits low, Credits high) {
  if (ticks <= static_cast<double>(low.ticks())) return low.ticks();
  if (ticks >= static_cast<double>(high.ticks())) return high.ticks();
  return static_cast<int64_t>(std::floor(ticks + 0.5));
}

}  // namespace

void UncertainTotal::Cumulants::Add(const Cumulants& other, double times) {
  mean += times * other.mean;
  variance += times * other.variance;
  third += times * other.third;
  fourth += times * other.fourth;
}

UncertainTotal::Cumulants UncertainTotal::CumulantsOf(const Price& price,
                                                      const QuantityRange& q) {
  const Price::Terms& terms = price.terms();
  if ((q.high - q.low) / terms.increment >= kOutcomesMax &&
      terms.increment == 1 && terms.minimum <= q.low) {
    const double rate = static_cast<double>(terms.credits.ticks()) /
                        static_cast<double>(terms.per);
    const Triangle t(q);
    const double w = t.width * rate;
    const double m = t.mode * rate;
    const double variance = (w * w - w * m + m * m) / 18;
    return {.mean = static_cast<double>(q.low) * rate + (w + m) / 3,
            .variance = variance,
            .third = (w - 2 * m) * (w + m) * (2 * w - m) / 270,
            .fourth = -0.6 * variance * variance};
  }
  const PossibleCosts outcomes =
      (q.high - q.low) / terms.increment < kOutcomesMax ? EachOutcome(price, q)
                                                        : Cells(price, q);
  Cumulants result;
  for (size_t i = 0; i < outcomes.size; ++i) {
    result.mean += outcomes.values[i].probability * outcomes.values[i].cost;
  }
  for (size_t i = 0; i < outcomes.size; ++i) {
    const auto [probability, cost] = outcomes.values[i];
    const double off = cost - result.mean;
    result.variance += probability * off * off;
    result.third += probability * off * off * off;
    result.fourth += probability * off * off * off * off;
  }
  result.fourth -= 3 * result.variance * result.variance;
  return result;
}

bool UncertainTotal::VariesMore(const Drawn& a, const Drawn& b) {
  if (a.each.variance != b.each.variance) {
    return a.each.variance > b.each.variance;
  }
  return a.call < b.call;
}

void UncertainTotal::Condense(const Drawn& jobs) {
  condensed_.Add(jobs.each, static_cast<double>(jobs.jobs));
  // Part of low_ and high_: they fit.
  AddCost(jobs.price.CostOf(jobs.quantity.low), jobs.jobs, condensed_low_);
  AddCost(jobs.price.CostOf(jobs.quantity.high), jobs.jobs, condensed_high_);
}

absl::Status UncertainTotal::Add(const Price& price,
                                 const QuantityRange& quantity, int64_t jobs) {
  if (jobs == 0) return absl::OkStatus();
  Credits low = low_;
  Credits likely = likely_;
  Credits high = high_;
  int64_t sum = jobs_;
  if (__builtin_add_overflow(sum, jobs, &sum) ||
      !price.BilledQuantity(quantity.high).has_value() ||
      !AddCost(price.CostOf(quantity.low), jobs, low) ||
      !AddCost(price.CostOf(quantity.likely), jobs, likely) ||
      !AddCost(price.CostOf(quantity.high), jobs, high)) {
    return absl::OutOfRangeError(
        absl::StrCat(jobs, " x up to ", quantity.high,
                     ": the cost leaves the range of 64 bits"));
  }
  low_ = low;
  likely_ = likely;
  high_ = high;
  jobs_ = sum;
  Drawn drawn = {.price = price,
                 .quantity = quantity,
                 .jobs = jobs,
                 .each = CumulantsOf(price, quantity),
                 .call = calls_++};
  if (jobs > kDrawnJobsMax || (drawn_jobs_ + jobs > kDrawnJobsMax &&
                               VariesMore(drawn_.front(), drawn))) {
    Condense(drawn);
    return absl::OkStatus();
  }
  drawn_.push_back(drawn);
  std::push_heap(drawn_.begin(), drawn_.end(), &VariesMore);
  drawn_jobs_ += jobs;
  while (drawn_jobs_ > kDrawnJobsMax) {
    std::pop_heap(drawn_.begin(), drawn_.end(), &VariesMore);
    drawn_jobs_ -= drawn_.back().jobs;
    Condense(drawn_.back());
    drawn_.pop_back();
  }
  return absl::OkStatus();
}

absl::StatusOr<TotalRange> UncertainTotal::Range(const Options& options) const {
  if (!CheckedAdd(options.certain, high_).has_value()) {
    return absl::OutOfRangeError("the total leaves the range of 64 bits");
  }
  Random random(options.seed);
  std::vector<int64_t> totals(options.samples, options.certain.ticks());
  std::vector<Drawn> drawn = drawn_;
  std::sort(drawn.begin(), drawn.end(),
            [](const Drawn& a, const Drawn& b) { return a.call < b.call; });
  for (const Drawn& jobs : drawn) {
    const Triangle triangle(jobs.quantity);
    for (int64_t& total : totals) {
      for (int64_t i = 0; i < jobs.jobs; ++i) {
        total +=
            jobs.price.CostOf(Draw(jobs.quantity, triangle, random))->ticks();
      }
    }
  }
  const double deviation = std::sqrt(condensed_.variance);
  if (deviation > 0) {
    const double skew = condensed_.third / (condensed_.variance * deviation);
    const double excess =
        condensed_.fourth / (condensed_.variance * condensed_.variance);
    for (int64_t& total : totals) {
      const double z = random.Normal();
      const double cube = z * z * z;
      const double w = z + (z * z - 1) * skew / 6 +
                       (cube - 3 * z) * excess / 24 -
                       (2 * cube - 5 * z) * skew * skew / 36;
      total += Clamped(condensed_.mean + deviation * w, condensed_low_,
                       condensed_high_);
    }
  } else {
    for (int64_t& total : totals) total += condensed_low_.ticks();
  }
  std::sort(totals.begin(), totals.end());
  // The smallest total with at least that share at or below it.
  const auto at = [&](int64_t percent) {
    return Credits::FromTicks(
        totals[(options.samples * percent + 99) / 100 - 1]);
  };
  TotalRange range = {.p10 = at(10), .p50 = at(50), .p90 = at(90)};
  if (options.budget.has_value()) {
    const auto within =
        std::upper_bound(totals.begin(), totals.end(), options.budget->ticks());
    range.within_budget = static_cast<double>(within - totals.begin()) /
                          static_cast<double>(options.samples);
  }
  return range;
}

}  // namespace konpro
