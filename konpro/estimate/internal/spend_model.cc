// The model is: spend of a day = (level + damped slope) x weekday factor x
// ratio.
//
// Weekday factors: what the weekday spent over what an average day of its week
// would have, recent weeks counting more. They are pulled to 1 by as much as
// differences of that size would come about by chance (empirical Bayes, as of
// James and Stein): a series without a weekly pattern gets none.
//
// Level and slope: discounted least squares (Brown, Smoothing, Forecasting and
// Prediction, 1963), which is exponential smoothing that starts as the plain
// average. The slope is pulled to zero by a ridge, and damped in the future
// (Gardner and McKenzie, Forecasting trends in time series, 1985). Several
// speeds of forgetting are kept, with and without a slope; each weighs by how
// well it foresaw the past, as likelihoods would.
//
// Ratios: what days came to as multiples of what the days around them let
// expect. Futures are simulated with blocks of them, fed back into level and
// slope (Hyndman et al., Forecasting with Exponential Smoothing, 2008, 6.1),
// each future by one smoother, drawn by weight, from a level that is as
// uncertain as its evidence is scarce. Blocks keep the dependence of days that
// follow each other.
//
// A capped day says that demand was at least what was spent. It is replaced by
// what is expected of a day that is at least that (the E step of a Tobit
// model), which depends on the fit: so both are repeated. A wild day
// (wild_days.h) is replaced by what all other days let expect of it, and is no
// ratio: futures have no such days.
#include "konpro/estimate/internal/spend_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

namespace konpro::internal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// In days; kInfinity forgets nothing.
constexpr double kLevelHalfLives[] = {3.5, 7, 14, 28, 56, kInfinity};
constexpr double kSlopeHalfLives[] = {28, 56, 112, kInfinity};
constexpr double kPatternHalfLife = 70;

// Slopes are expected to be about this much of the level.
constexpr double kSlopePrior = 0.01;
constexpr double kSlopeDamping = 0.98;

// Days of which no forecast is scored: there is nothing to forecast from.
constexpr size_t kWarmUpDays = 7;

// Of the level's standard error, what the ratios do not hold already. Found by
// trying: with it intervals of days and of sums both hold what they should.
constexpr double kLevelUncertainty = 0.5;

constexpr size_t kBlockDays = 7;
constexpr size_t kRatiosMax = 364;
constexpr int kCappedRounds = 8;
constexpr int kWildRounds = 3;

double Discount(double half_life) { return std::exp2(-1 / half_life); }

// Uniform in [0, n), the same on every machine.
size_t Below(std::mt19937_64& random, size_t n) {
  return static_cast<size_t>((static_cast<unsigned __int128>(random()) * n) >>
                             64);
}

// In [0, 1), the same on every machine, as is what follows from it.
double Uniform(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

// By the method of Box and Muller.
double Normal(std::mt19937_64& random) {
  const double radius = std::sqrt(-2 * std::log(1 - Uniform(random)));
  return radius * std::cos(2 * M_PI * Uniform(random));
}

double NormalTail(double x) { return std::erfc(x / std::sqrt(2.0)) / 2; }

// The mean of a normal distribution beyond `x`, in deviations from its mean.
double MeanBeyond(double x) {
  const double tail = NormalTail(x);
  // Far out the tail is short: its mean is where it begins.
  if (tail < 1e-12) return x;
  return std::exp(-x * x / 2) / std::sqrt(2 * M_PI) / tail;
}

// The value beyond `x` that `share` of that tail exceeds.
double QuantileBeyond(double x, double share) {
  const double tail = NormalTail(x) * share;
  double low = x, high = std::max(x, 0.0) + 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (NormalTail(middle) > tail ? low : high) = middle;
  }
  return low;
}

using PerWeekday = std::array<double, kDaysPerWeek>;

// The average day of the week around each day; at the ends, of the nearest.
std::vector<double> WeekAround(const std::vector<double>& days) {
  std::vector<double> averages;
  for (size_t i = 0; i < days.size(); ++i) {
    const auto begin = days.begin() + std::min(i - std::min<size_t>(i, 3),
                                               days.size() - kDaysPerWeek);
    averages.push_back(std::accumulate(begin, begin + kDaysPerWeek, 0.0) /
                       kDaysPerWeek);
  }
  return averages;
}

// How many days of slope the next days are worth, one after the other.
class DampedDays {
 public:
  double Next() {
    damping_ *= kSlopeDamping;
    return sum_ += damping_;
  }

 private:
  double damping_ = 1;
  double sum_ = 0;
};

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

}  // namespace

void SpendModel::Smoother::Advance(double factor, double spent) {
  s2 = discount * (s2 - 2 * s1 + s0);
  s1 = discount * (s1 - s0);
  s0 = discount * s0 + factor;
  t1 = discount * (t1 - t0);
  t0 = discount * t0 + spent;
  if (s0 <= 0) return;
  const double s2_ridged = s2 + slope_ridge;
  slope = std::isinf(slope_ridge)
              ? 0
              : (s0 * t1 - s1 * t0) / (s0 * s2_ridged - s1 * s1);
  level = std::max(0.0, (t0 - s1 * slope) / s0);
}

double SpendModel::Smoother::LevelGain() const {
  if (std::isinf(slope_ridge)) return 1 / s0;
  const double s2_ridged = s2 + slope_ridge;
  return s2_ridged / (s0 * s2_ridged - s1 * s1);
}

double SpendModel::Smoother::SlopeGain() const {
  if (std::isinf(slope_ridge)) return 0;
  return -s1 / (s0 * (s2 + slope_ridge) - s1 * s1);
}

double SpendModel::Smoother::LevelAfter(double damped_days) const {
  return std::max(0.0, level + damped_days * slope);
}

// What is needed to fit a model, and nothing of which outlives that.
class SpendModelFitter {
 public:
  explicit SpendModelFitter(absl::Span<const SpendDay> days);
  SpendModel Fit();

 private:
  using Smoother = SpendModel::Smoother;

  // What each day was expected to be, and from how many days' worth of
  // evidence.
  struct Expectation {
    explicit Expectation(size_t days) : spend(days), evidence(days) {}
    std::vector<double> spend;
    std::vector<double> evidence;
  };

  void FitAverage();
  void FitAll();
  void FitPattern();
  // Fills the model's smoothers, and expected_.
  void FitLevel();
  Expectation Forward(Smoother& smoother, double& score) const;
  Expectation Backward(Smoother& smoother) const;
  // Expects `day` from the days that `smoother` has seen, then shows it.
  void Step(Smoother& smoother, size_t day, Expectation& expectation) const;
  // By how much it misses the week that begins on day `next`.
  double Score(const Smoother& smoother, size_t next) const;
  void Weigh(const std::vector<double>& scores);
  void ImputeCapped();
  void ImputeWild();
  void FitRatios();

  double Factor(size_t day) const { return factors_[day % kDaysPerWeek]; }

  absl::Span<const SpendDay> days_;
  // What the days would have come to without a cap.
  std::vector<double> demand_;
  // How far from that they may lie: the variance of those that were capped.
  std::vector<double> demand_variances_;
  std::vector<bool> is_wild_;
  // Of the weekday of day 0, 1 ... 6.
  PerWeekday factors_;
  // Variance of a day as a multiple of what was expected, and what the pattern
  // takes of the evidence, in days.
  double variance_ = 0.1;
  double pattern_days_ = 0;
  // What each day was expected to be from all others, by all smoothers
  // together.
  std::vector<double> expected_;
  SpendModel model_;
};

SpendModelFitter::SpendModelFitter(absl::Span<const SpendDay> days)
    : days_(days.subspan(days.size() -
                         std::min(days.size(), SpendModel::kDaysMax))) {
  for (const SpendDay& day : days_) demand_.push_back(day.spent);
  demand_variances_.assign(days_.size(), 0);
  is_wild_.assign(days_.size(), false);
  model_.wild_days_ = FindWildDays(days_);
  for (const WildSpendDay& wild : model_.wild_days_) {
    is_wild_[wild.day] = true;
    demand_[wild.day] = wild.usual;
  }
  factors_.fill(1);
}

void SpendModelFitter::FitPattern() {
  const size_t n = demand_.size();
  const std::vector<double> weeks = WeekAround(demand_);
  std::vector<double> weights(n, 1);
  for (size_t i = n - 1; i-- > 0;) {
    weights[i] = weights[i + 1] * Discount(kPatternHalfLife);
  }
  PerWeekday spent = {}, expected = {}, count = {}, count_squares = {};
  for (size_t i = 0; i < n; ++i) {
    const size_t d = i % kDaysPerWeek;
    spent[d] += weights[i] * demand_[i];
    expected[d] += weights[i] * weeks[i];
    count[d] += weights[i];
    count_squares[d] += weights[i] * weights[i];
  }
  PerWeekday raw;
  for (size_t d = 0; d < kDaysPerWeek; ++d) {
    raw[d] = expected[d] > 0 ? spent[d] / expected[d] : 1;
  }
  const double mean =
      std::accumulate(raw.begin(), raw.end(), 0.0) / kDaysPerWeek;
  if (mean <= 0) return;

  double within = 0, weight = 0;
  for (size_t i = 0; i < n; ++i) {
    if (weeks[i] <= 0) continue;
    const double rest = demand_[i] / weeks[i] - raw[i % kDaysPerWeek];
    within += weights[i] *
              (rest * rest + demand_variances_[i] / (weeks[i] * weeks[i]));
    weight += weights[i];
  }
  if (weight <= 0) return;
  // Seven factors were fitted to the same days.
  within /= weight * (1 - kDaysPerWeek / static_cast<double>(n));
  double between = 0, error = 0;
  for (size_t d = 0; d < kDaysPerWeek; ++d) {
    const double difference = raw[d] / mean - 1;
    between += difference * difference / (kDaysPerWeek - 1);
    error += within * count_squares[d] / (count[d] * count[d]) / kDaysPerWeek;
  }
  const double kept = between > 0 ? std::max(0.0, 1 - error / between) : 0;
  for (size_t d = 0; d < kDaysPerWeek; ++d) {
    factors_[d] = std::max(0.0, 1 + kept * (raw[d] / mean - 1));
  }
  variance_ = std::clamp(within, 0.0025, 25.0);
  pattern_days_ = (kDaysPerWeek - 1) * kept;
}

void SpendModelFitter::FitLevel() {
  const size_t n = demand_.size();
  std::vector<Smoother>& smoothers = model_.smoothers_;
  smoothers.clear();
  for (double half_life : kLevelHalfLives) {
    smoothers.push_back(
        {.discount = Discount(half_life), .slope_ridge = kInfinity});
  }
  for (double half_life : kSlopeHalfLives) {
    smoothers.push_back(
        {.discount = Discount(half_life),
         .slope_ridge = variance_ / (kSlopePrior * kSlopePrior)});
  }
  std::vector<double> scores(smoothers.size(), 0);
  std::vector<Expectation> before, after;
  for (size_t m = 0; m < smoothers.size(); ++m) {
    Smoother backward = smoothers[m];
    after.push_back(Backward(backward));
    before.push_back(Forward(smoothers[m], scores[m]));
  }
  Weigh(scores);
  expected_.assign(n, 0);
  for (size_t m = 0; m < smoothers.size(); ++m) {
    for (size_t i = 0; i < n; ++i) {
      const double evidence = before[m].evidence[i] + after[m].evidence[i];
      if (evidence <= 0) continue;
      expected_[i] += smoothers[m].weight *
                      (before[m].spend[i] * before[m].evidence[i] +
                       after[m].spend[i] * after[m].evidence[i]) /
                      evidence;
    }
  }
}

SpendModelFitter::Expectation SpendModelFitter::Forward(Smoother& smoother,
                                                        double& score) const {
  const size_t n = demand_.size();
  Expectation expectation(n);
  for (size_t i = 0; i < n; ++i) {
    Step(smoother, i, expectation);
    if (i + 1 >= kWarmUpDays && i + kDaysPerWeek < n) {
      score += Score(smoother, i + 1);
    }
  }
  return expectation;
}

SpendModelFitter::Expectation SpendModelFitter::Backward(
    Smoother& smoother) const {
  Expectation expectation(demand_.size());
  for (size_t i = demand_.size(); i-- > 0;) Step(smoother, i, expectation);
  return expectation;
}

void SpendModelFitter::Step(Smoother& smoother, size_t day,
                            Expectation& expectation) const {
  expectation.spend[day] = Factor(day) * smoother.LevelAfter(kSlopeDamping);
  expectation.evidence[day] = smoother.s0 > 0 ? 1 / smoother.LevelGain() : 0;
  smoother.Advance(Factor(day), demand_[day]);
}

double SpendModelFitter::Score(const Smoother& smoother, size_t next) const {
  double forecast = 0, spent = 0;
  DampedDays damped;
  for (size_t i = next; i < next + kDaysPerWeek; ++i) {
    forecast += Factor(i) * smoother.LevelAfter(damped.Next());
    spent += demand_[i];
  }
  return std::abs(forecast - spent);
}

void SpendModelFitter::Weigh(const std::vector<double>& scores) {
  // Weeks that do not overlap are so many independent observations with errors
  // of Laplace: the likelihood is the error to the power of minus their number.
  const double weeks =
      std::max(1.0, static_cast<double>(demand_.size()) / kDaysPerWeek - 1);
  const double best = *std::min_element(scores.begin(), scores.end());
  double sum = 0;
  for (size_t m = 0; m < scores.size(); ++m) {
    double& weight = model_.smoothers_[m].weight;
    weight = scores[m] == best ? 1 : std::pow(best / scores[m], weeks);
    sum += weight;
  }
  for (Smoother& smoother : model_.smoothers_) smoother.weight /= sum;
}

void SpendModelFitter::ImputeCapped() {
  const double deviation = std::sqrt(variance_);
  for (size_t i = 0; i < demand_.size(); ++i) {
    if (!days_[i].capped || is_wild_[i]) continue;
    const double floor = days_[i].spent;
    const double unit = deviation * expected_[i];
    if (unit <= 0) continue;
    const double beyond = (floor - expected_[i]) / unit;
    // If all alike days are capped, nothing says how high demand was: it is
    // taken to be within two deviations.
    const double mean = MeanBeyond(beyond);
    demand_[i] =
        std::clamp(expected_[i] + unit * mean, floor,
                   std::max(floor, expected_[i]) * (1 + 2 * deviation));
    demand_variances_[i] =
        unit * unit * std::max(0.0, 1 + beyond * mean - mean * mean);
  }
}

void SpendModelFitter::ImputeWild() {
  for (WildSpendDay& wild : model_.wild_days_) {
    wild.usual = demand_[wild.day] = expected_[wild.day];
  }
}

void SpendModelFitter::FitRatios() {
  const size_t n = demand_.size();
  // A forecast below is too small to be a measure of its error.
  const double floor = 0.05 * Mean(demand_);
  std::vector<double>& ratios = model_.ratios_;
  const size_t begin = std::max(kWarmUpDays, n - std::min(n, kRatiosMax));
  double share = 0;
  for (size_t i = begin; i < n; ++i) {
    if (expected_[i] <= floor || is_wild_[i]) continue;
    double demand = demand_[i];
    if (days_[i].capped) {
      // Anywhere in the tail beyond the cap: evenly over all capped days.
      const double unit = std::sqrt(variance_) * expected_[i];
      share = std::fmod(share + 0.6180339887498949, 1.0);
      const double beyond = (days_[i].spent - expected_[i]) / unit;
      demand = std::max(days_[i].spent,
                        expected_[i] + unit * QuantileBeyond(beyond, share));
    }
    ratios.push_back(demand / expected_[i]);
  }
  if (ratios.empty()) {
    ratios.push_back(1);
    return;
  }
  // Errors of days that the model was fitted to are too small.
  const double count = static_cast<double>(ratios.size());
  const double inflation =
      std::sqrt(count / std::max(count / 4, count - 2 - pattern_days_));
  const double mean = Mean(ratios);
  for (double& ratio : ratios) {
    ratio = std::max(0.0, mean + inflation * (ratio - mean));
  }
  const double inflated_mean = Mean(ratios);
  for (double& ratio : ratios) {
    ratio = inflated_mean > 0 ? ratio / inflated_mean : 1;
    model_.deviation_ += (ratio - 1) * (ratio - 1) / count;
  }
  model_.deviation_ = std::sqrt(model_.deviation_);
}

void SpendModelFitter::FitAll() {
  const bool capped =
      std::any_of(days_.begin(), days_.end(),
                  [](const SpendDay& day) { return day.capped; });
  const int wild_rounds = model_.wild_days_.empty() ? 1 : kWildRounds;
  for (int round = capped ? kCappedRounds : wild_rounds; round > 0; --round) {
    FitPattern();
    FitLevel();
    if (capped) ImputeCapped();
    ImputeWild();
  }
  FitRatios();
}

void SpendModelFitter::FitAverage() {
  Smoother average{.slope_ridge = kInfinity, .weight = 1};
  for (size_t i = 0; i < demand_.size(); ++i) {
    if (!is_wild_[i]) average.Advance(1, demand_[i]);
  }
  for (WildSpendDay& wild : model_.wild_days_) wild.usual = average.level;
  model_.smoothers_ = {average};
}

SpendModel SpendModelFitter::Fit() {
  demand_.size() < SpendModel::kPatternDaysMin ? FitAverage() : FitAll();
  for (const Smoother& smoother : model_.smoothers_) {
    model_.level_ += smoother.weight * smoother.level;
    model_.slope_ += smoother.weight * smoother.slope;
  }
  for (size_t i = 0; i < kDaysPerWeek; ++i) {
    model_.pattern_[i] = Factor(demand_.size() + i);
  }
  return std::move(model_);
}

SpendModel SpendModel::Fit(absl::Span<const SpendDay> days) {
  SpendModel model = SpendModelFitter(days).Fit();
  // Days of the fitter are the last ones.
  const size_t first = days.size() - std::min(days.size(), kDaysMax);
  for (WildSpendDay& wild : model.wild_days_) wild.day += first;
  return model;
}

std::vector<double> SpendModel::Expected(size_t days) const {
  std::vector<double> expected(days, 0);
  for (const Smoother& smoother : smoothers_) {
    DampedDays damped;
    for (size_t i = 0; i < days; ++i) {
      expected[i] += smoother.weight * pattern_[i % kDaysPerWeek] *
                     smoother.LevelAfter(damped.Next());
    }
  }
  return expected;
}

void SpendModel::Simulate(std::mt19937_64& random,
                          absl::Span<double> path) const {
  double draw = Uniform(random);
  size_t m = 0;
  while (m + 1 < smoothers_.size() && draw >= smoothers_[m].weight) {
    draw -= smoothers_[m++].weight;
  }
  Smoother smoother = smoothers_[m];
  double level = smoother.level, slope = smoother.slope;
  level *=
      std::max(0.0, 1 + kLevelUncertainty * deviation_ *
                            std::sqrt(smoother.LevelGain()) * Normal(random));
  size_t block = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (i % kBlockDays == 0) block = Below(random, ratios_.size());
    const double ratio = ratios_[(block + i % kBlockDays) % ratios_.size()];
    slope *= kSlopeDamping;
    level = std::max(0.0, level + slope);
    path[i] = level * pattern_[i % kDaysPerWeek] * ratio;
    smoother.Advance(1, 0);
    const double surprise = (ratio - 1) * level;
    level = std::max(0.0, level + surprise * smoother.LevelGain());
    slope += surprise * smoother.SlopeGain();
  }
}

}  // namespace konpro::internal
