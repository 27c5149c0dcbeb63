// A day is wild if it stands out, and if days that stand out like it are rare.
//
// What is usual is made of medians, which a few wild days do not move (Tukey,
// Exploratory Data Analysis, 1977): the median of the four weeks around a day,
// times the median of what its weekday is of that. If a weekday has an even
// number of days, of the two in the middle the one that is nearer to an average
// day counts, or one wild day of two would be a pattern.
//
// How far days usually are from that is a factor: half of them are within
// `spread` above or below. A day stands out beyond the sixth power of it, which
// is four standard deviations of a lognormal distribution, and beyond
// kHigh or kLow. If most days around are zero, spikes are normal, and none
// stands out.
//
// Rare: of days that stand out at least kAlike as far, there are at most
// kWildDaysPerWindow in the eight weeks around, and at most one of
// kWildDaysShare in a long history. A new level is followed as soon as it has
// lasted for more days than that, and a monthly spike once it has been seen for
// some months.
#include "konpro/estimate/internal/wild_days.h"

#include <algorithm>
#include <limits>

namespace konpro::internal {
namespace {

constexpr size_t kWeek = 7;
constexpr size_t kMedianDays = 28;

// More than so many times, or less than this part, of what is usual.
constexpr double kHigh = 2;
constexpr double kLow = 0.25;
// Low days are sought from here on: earlier a weekend may look like an outage.
constexpr size_t kLowHistoryMin = 28;

// Days that stand out by this part as much are of a kind.
constexpr double kAlike = 0.15;
constexpr size_t kWildDaysShare = 50;

// Of an even number of values, the lower one of the two in the middle.
double Median(std::vector<double> values) {
  const auto middle = values.begin() + (values.size() - 1) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The begin of the `width` days that lie around `day`; at the ends, of the
// nearest ones. REQUIRES: width <= days.
size_t WindowAround(size_t day, size_t width, size_t days) {
  return std::min(day - std::min(day, width / 2), days - width);
}

class Finder {
 public:
  explicit Finder(absl::Span<const SpendDay> days);
  std::vector<WildSpendDay> Find() const;

 private:
  void SetUsual();
  void SetSpread();
  bool StandsOut(size_t day) const;
  bool IsRare(size_t day) const;

  absl::Span<const SpendDay> days_;
  // Of the weeks around each day, and of days like it.
  std::vector<double> around_;
  std::vector<double> usual_;
  // The sixth power of the factor.
  double far_ = 0;
};

Finder::Finder(absl::Span<const SpendDay> days) : days_(days) {
  SetUsual();
  SetSpread();
}

void Finder::SetUsual() {
  const size_t n = days_.size();
  const size_t width = std::min(kMedianDays, n);
  std::vector<std::vector<double>> shares(kWeek);
  for (size_t i = 0; i < n; ++i) {
    const size_t begin = WindowAround(i, width, n);
    std::vector<double> window;
    for (size_t j = begin; j < begin + width; ++j) {
      window.push_back(days_[j].spent);
    }
    around_.push_back(Median(std::move(window)));
    if (around_[i] > 0) {
      shares[i % kWeek].push_back(days_[i].spent / around_[i]);
    }
  }
  for (size_t i = 0; i < n; ++i) usual_.push_back(around_[i]);
  // A weekday that was seen once has no pattern.
  if (n < 2 * kWeek) return;
  for (size_t weekday = 0; weekday < kWeek; ++weekday) {
    std::vector<double>& share = shares[weekday];
    if (share.empty()) continue;
    std::sort(share.begin(), share.end());
    const double low = share[(share.size() - 1) / 2];
    const double high = share[share.size() / 2];
    const double factor = high - 1 <= 1 - low ? high : low;
    for (size_t i = weekday; i < n; i += kWeek) usual_[i] *= factor;
  }
}

void Finder::SetSpread() {
  std::vector<double> factors;
  for (size_t i = 0; i < days_.size(); ++i) {
    const double spent = days_[i].spent;
    if (around_[i] <= 0) continue;
    if (spent == usual_[i]) {
      factors.push_back(1);
    } else if (spent <= 0 || usual_[i] <= 0) {
      factors.push_back(std::numeric_limits<double>::infinity());
    } else {
      factors.push_back(std::max(spent / usual_[i], usual_[i] / spent));
    }
  }
  if (factors.empty()) return;
  const double spread = Median(std::move(factors));
  far_ = spread * spread * spread * spread * spread * spread;
}

bool Finder::StandsOut(size_t day) const {
  const double spent = days_[day].spent;
  // On a day that is usually small, what is small for others is no matter.
  const double floor = std::max(usual_[day], around_[day] / 2);
  if (around_[day] <= 0) return false;
  if (spent > kHigh * floor && spent > far_ * floor) return true;
  return days_.size() >= kLowHistoryMin && !days_[day].capped &&
         usual_[day] >= floor && spent < kLow * floor && spent * far_ < floor;
}

bool Finder::IsRare(size_t day) const {
  const size_t n = days_.size();
  const double far = days_[day].spent - usual_[day];
  const auto alike = [&](size_t begin, size_t end) {
    size_t count = 0;
    for (size_t i = begin; i < end; ++i) {
      const double other = days_[i].spent - usual_[i];
      count += far > 0 ? other >= kAlike * far : other <= kAlike * far;
    }
    return count;
  };
  // In proportion if there are not eight weeks.
  const size_t few = std::clamp<size_t>(
      n * kWildDaysPerWindow / kWildWindowDays, 1, kWildDaysPerWindow);
  const size_t width = std::min(kWildWindowDays, n);
  const size_t begin = WindowAround(day, width, n);
  return alike(begin, begin + width) <= few &&
         alike(0, n) <= std::max(few, n / kWildDaysShare);
}

std::vector<WildSpendDay> Finder::Find() const {
  std::vector<WildSpendDay> wild;
  for (size_t i = 0; i < days_.size(); ++i) {
    if (StandsOut(i) && IsRare(i)) wild.push_back({i, usual_[i]});
  }
  return wild;
}

}  // namespace

std::vector<WildSpendDay> FindWildDays(absl::Span<const SpendDay> days) {
  if (days.size() < kWildHistoryMin) return {};
  return Finder(days).Find();
}

}  // namespace konpro::internal
