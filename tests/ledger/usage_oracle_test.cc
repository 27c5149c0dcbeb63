// Random commands and usage records of one account against a naive model, while
// prices change, the clock steps and the ledger is opened anew. The model knows
// totals, jobs and sessions; which grant pays is account_oracle_test.cc.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/quantity_capture.h"
#include "konpro/ledger/session.h"
#include "konpro/ledger/statement.h"
#include "konpro/ledger/store.h"
#include "konpro/ledger/usage.h"
#include "proto/usage.pb.h"
#include "tests/testing/shared_store.h"

namespace konpro {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kSlowdown = 10;
#else
constexpr int64_t kSlowdown = 1;
#endif
constexpr int64_t kCommandsDefault = 2'000'000 / kSlowdown;
constexpr int kCommandsPerEpisode = 60;

// Prices change twice, 20 s apart, within each episode.
constexpr int64_t kStart = 1'800'000'000;
constexpr int64_t kJobs = 6;

int64_t NumberOf(const char* name, int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

Catalog ChangingCatalog() {
  const auto list = [](absl::Time since, int64_t credits) {
    const Price call = *Price::Create({.credits = Credits::FromTicks(credits),
                                       .per = 7,
                                       .increment = 3,
                                       .minimum = 5});
    const Price image =
        *Price::Create({.credits = Credits::FromTicks(2 * credits), .per = 1});
    return *PriceList::Create(since, {{"call", call}, {"image", image}});
  };
  Catalog::Spec spec;
  spec.version = "changing";
  spec.operations = {{"call", QuantityUnit::kCount, "piece"},
                     {"image", QuantityUnit::kCount, "image"}};
  spec.price_lists = {list(absl::InfinitePast(), 5),
                      list(absl::FromUnixSeconds(kStart + 20), 9),
                      list(absl::FromUnixSeconds(kStart + 40), 4)};
  spec.plans = {*Plan::Create({.name = "any"})};
  return *Catalog::Create(std::move(spec));
}

UnixNanos At(int64_t second) {
  return UnixNanos::FromTime(absl::FromUnixSeconds(second));
}

// What a command did, in ticks.
struct Did {
  bool is_error = false;
  Refusal refusal = Refusal::kNone;
  int64_t posted = 0;
  int64_t uncollected = 0;
  int64_t released = 0;

  friend bool operator==(const Did&, const Did&) = default;
};
std::ostream& operator<<(std::ostream& out, const Did& did) {
  return out << (did.is_error ? "error" : RefusalName(did.refusal))
             << " posted " << did.posted << " uncollected " << did.uncollected
             << " released " << did.released;
}

Did DidOf(const absl::StatusOr<LedgerOutcome>& outcome) {
  if (!outcome.ok()) return {.is_error = true};
  const AccountEffect& effect = outcome->effect;
  if (!effect.applied()) return {.refusal = effect.refusal};
  return {.posted = SumOf(effect.posted)->ticks(),
          .uncollected = effect.uncollected.ticks(),
          .released = effect.released.ticks()};
}

struct Job {
  enum State { kNone, kOpen, kByRecord, kByCommand, kVoided, kExpired };
  State state = kNone;
  std::string operation;
  int64_t list = 0;  // the second from which its prices are in effect
  int64_t asked = 0;
  int64_t held = 0;
  int64_t expires = 0;
  bool tops_up = false;
  bool has_expired = false;
};

// Every second job is admitted: its reservation has the prefix of such jobs,
// and records may name it without that.
bool IsAdmitted(int64_t job) { return job % 2 == 1; }

class Model {
 public:
  explicit Model(const Catalog& catalog) : catalog_(catalog) {}

  void Advance(int64_t second) {
    now_ = std::max(now_, second);
    for (Job& job : jobs_) {
      if (job.state != Job::kOpen || job.expires > now_) continue;
      Release(job, Job::kExpired);
      job.has_expired = true;
    }
  }
  int64_t now() const { return now_; }

  static int64_t ListAt(int64_t second) {
    return second >= kStart + 40   ? kStart + 40
           : second >= kStart + 20 ? kStart + 20
                                   : 0;
  }
  int64_t CostOf(const std::string& operation, int64_t list,
                 int64_t quantity) const {
    return catalog_.PricesAt(absl::FromUnixSeconds(list))
        ->Find(operation)
        ->CostOf(quantity)
        ->ticks();
  }

  void Grant(int64_t amount) {
    free += amount;
    issued += amount;
  }

  // Of `quantity`, or of `amount` if that is not negative.
  Did Reserve(int64_t index, const Job& wanted) {
    if (wanted.asked > free) return {.refusal = Refusal::kInsufficientCredits};
    Job& job = jobs_[index] = wanted;
    job.state = Job::kOpen;
    job.list = ListAt(now_);
    job.held = job.asked;
    free -= job.held;
    held += job.held;
    return {};
  }

  // By a command.
  struct Taking {
    std::optional<int64_t> quantity;  // else `amount`
    int64_t amount = 0;
    bool is_final = true;
    bool collects = false;
  };
  Did Capture(int64_t index, const Taking& taking) {
    Job& job = jobs_[index];
    if (job.state != Job::kOpen) return {.refusal = RefusalOf(job)};
    int64_t cost = taking.amount;
    if (taking.quantity.has_value()) {
      cost = SliceOf(index, job.operation, job.list, *taking.quantity);
    }
    if (cost > job.held && !taking.collects) {
      if (!job.tops_up) return {.refusal = Refusal::kAboveHold};
      if (cost - job.held > free) {
        return {.refusal = Refusal::kInsufficientCredits};
      }
    }
    if (taking.quantity.has_value()) {
      Session(index, job.operation, job.list) += *taking.quantity;
    }
    return Take(job, cost, taking.is_final, Job::kByCommand);
  }

  // As `complete` over HTTP: `quantity` is of the whole job.
  Did Complete(int64_t index, int64_t quantity) {
    Job& job = jobs_[index];
    if (job.state == Job::kNone) return {.is_error = true};
    if (job.state != Job::kOpen) return {.refusal = RefusalOf(job)};
    int64_t& before = Session(index, job.operation, job.list);
    const int64_t slice = std::max<int64_t>(quantity - before, 0);
    const int64_t cost = SliceOf(index, job.operation, job.list, slice);
    if (CostOf(job.operation, job.list, before + slice) > 10 * job.asked) {
      return {.is_error = true};
    }
    before += slice;
    return Take(job, cost, /*is_final=*/true, Job::kByCommand);
  }

  Did Void(int64_t index) {
    Job& job = jobs_[index];
    if (job.state != Job::kOpen) return {.refusal = RefusalOf(job)};
    return {.released = Release(job, Job::kVoided)};
  }

  struct Used {
    int64_t job = -1;  // none
    std::string operation;
    int64_t quantity = 0;
    int64_t start = 0;
    bool is_partial = false;
    bool is_late = false;
  };
  Did Use(const Used& used) {
    Job none;
    Job& job = used.job < 0 ? none : jobs_[used.job];
    const bool is_reserved = job.state != Job::kNone;
    if (is_reserved && job.operation != used.operation) {
      return {.is_error = true};
    }
    if (job.state == Job::kByCommand && !used.is_late) {
      return {.refusal = Refusal::kJobSettled};
    }
    if (job.state == Job::kByRecord && !used.is_late && !used.is_partial) {
      return {.refusal = Refusal::kJobSettled};
    }
    const int64_t list = is_reserved ? job.list : ListAt(used.start);
    const int64_t cost = SliceOf(used.job, used.operation, list, used.quantity);
    if (is_reserved && CostOf(used.operation, list,
                              Session(used.job, used.operation, list) +
                                  used.quantity) > 10 * job.asked) {
      return {.is_error = true};
    }
    if (job.state == Job::kVoided) {
      return {.refusal = Refusal::kReservationVoided};
    }
    if (used.job >= 0) {
      Session(used.job, used.operation, list) += used.quantity;
    }
    if (job.state == Job::kOpen) {
      return Take(job, cost, !used.is_partial, Job::kByRecord);
    }
    if (job.state == Job::kExpired && !used.is_partial) {
      job.state = Job::kByRecord;
    }
    return Take(none, cost, /*is_final=*/false, Job::kNone);
  }

  void Refund(int64_t amount) {
    free += amount;
    posted -= amount;
  }

  const Job& job(int64_t index) const { return jobs_[index]; }

  int64_t issued = 0;
  int64_t free = 0;
  int64_t held = 0;
  int64_t posted = 0;
  int64_t uncollected = 0;

 private:
  static Refusal RefusalOf(const Job& job) {
    if (job.has_expired) return Refusal::kReservationExpired;
    switch (job.state) {
      case Job::kByRecord:
      case Job::kByCommand:
        return Refusal::kReservationCaptured;
      case Job::kVoided:
        return Refusal::kReservationVoided;
      case Job::kExpired:
        return Refusal::kReservationExpired;
      default:
        return Refusal::kUnknownReservation;
    }
  }

  // What is charged for an admitted job before it is admitted is of no job of
  // that reservation.
  int64_t& Session(int64_t job, const std::string& operation, int64_t list) {
    const bool is_before = IsAdmitted(job) && jobs_[job].state == Job::kNone;
    return sessions_[{is_before ? job + kJobs : job, operation, list}];
  }

  int64_t SliceOf(int64_t job, const std::string& operation, int64_t list,
                  int64_t quantity) {
    const int64_t before = job < 0 ? 0 : Session(job, operation, list);
    return CostOf(operation, list, before + quantity) -
           CostOf(operation, list, before);
  }

  Did Take(Job& job, int64_t cost, bool is_final, Job::State end) {
    const int64_t of_hold = std::min(cost, job.held);
    const int64_t of_free = std::min(cost - of_hold, free);
    job.held -= of_hold;
    held -= of_hold;
    free -= of_free;
    Did did = {.posted = of_hold + of_free,
               .uncollected = cost - of_hold - of_free};
    posted += did.posted;
    uncollected += did.uncollected;
    if (is_final) did.released = Release(job, end);
    return did;
  }

  int64_t Release(Job& job, Job::State end) {
    const int64_t released = job.held;
    free += released;
    held -= released;
    job.held = 0;
    job.state = end;
    return released;
  }

  const Catalog& catalog_;
  int64_t now_ = 0;
  std::array<Job, kJobs> jobs_;
  std::map<std::tuple<int64_t, std::string, int64_t>, int64_t> sessions_;
};

class Episode {
 public:
  Episode(const Catalog& catalog, uint64_t seed)
      : catalog_(catalog), engine_(seed), model_(catalog) {
    Open();
  }

  void Run() {
    for (int i = 0; i < kCommandsPerEpisode && !::testing::Test::HasFailure();
         ++i) {
      Step();
    }
    const absl::StatusOr<Statement> statement = MakeStatement(
        *ledger_, "acme", {.begin = UnixNanos(), .end = UnixNanos::Max()},
        At(model_.now()));
    if (!statement.ok()) return;  // nothing was journaled
    ASSERT_EQ(statement->uncollected.ticks(), model_.uncollected);
    ASSERT_EQ(statement->closing.ticks(), model_.free + model_.held);
    ASSERT_TRUE(ledger_->Verify([](uint64_t) {}).ok());
  }

 private:
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }

  void Open() {
    usage_.reset();
    ledger_.reset();
    ledger_ = *Ledger::Open(std::make_unique<testing::SharedStore>(store_), {});
    usage_ = std::make_unique<UsageLedger>(*ledger_, catalog_);
  }

  std::string Operation() { return OneIn(2) ? "call" : "image"; }
  static std::string JobId(int64_t job) {
    return job < 0 ? ""
                   : absl::StrCat(IsAdmitted(job) ? kAdmittedJobPrefix : "",
                                  "job-", job);
  }
  // As a record may name it.
  std::string JobName(int64_t job) {
    const std::string id = JobId(job);
    if (job < 0 || !IsAdmitted(job) || OneIn(2)) return id;
    return id.substr(kAdmittedJobPrefix.size());
  }
  std::string NewId() { return absl::StrCat("id-", ++ids_); }

  absl::StatusOr<LedgerOutcome> Apply(const std::string& id,
                                      const LedgerRequest& request,
                                      std::optional<Pricing> pricing = {}) {
    model_.Advance(clock_);
    absl::StatusOr<LedgerOutcome> outcome =
        ledger_->Apply({.account = "acme",
                        .id = id,
                        .at = At(clock_),
                        .request = request,
                        .pricing = pricing});
    return Noted(std::move(outcome));
  }

  absl::StatusOr<LedgerOutcome> Noted(absl::StatusOr<LedgerOutcome> outcome) {
    if (outcome.ok() && outcome->effect.applied()) {
      Remember(*outcome);
    }
    return outcome;
  }

  void Remember(const LedgerOutcome& outcome) {
    const int64_t posted = SumOf(outcome.effect.posted)->ticks();
    if (posted > 0 && !outcome.replayed) {
      postings_.push_back({outcome.sequence, posted});
    }
  }

  void Step() {
    // The clock steps, also back.
    if (OneIn(3)) clock_ += Below(6);
    if (OneIn(16)) clock_ -= Below(30);
    if (OneIn(12)) {
      // A time that is in no entry would end with the process.
      clock_ = std::max(clock_, model_.now());
      Grant();
      if (OneIn(2)) {
        ASSERT_TRUE(ledger_->Snapshot().ok());
      }
      if (OneIn(4)) {
        ASSERT_TRUE(store_->store.DropSnapshots().ok());
      }
      Open();
    }
    switch (Below(14)) {
      case 0:
        Grant();
        break;
      case 1:
      case 2:
        Reserve();
        break;
      case 3:
      case 4:
        Capture();
        break;
      case 5:
        if (OneIn(3)) Void();
        break;
      case 6:
        Refund();
        break;
      case 7:
      case 8:
        Complete();
        break;
      default:
        Use();
    }
    if (ledger_->Head()->sequence > 0) ExpectSameTotals();
  }

  void ExpectSameTotals() {
    const Balance balance = *ledger_->BalanceOf("acme", At(model_.now()));
    ASSERT_EQ(balance.available.ticks(), model_.free);
    ASSERT_EQ(balance.reserved.ticks(), model_.held);
    ASSERT_EQ(balance.posted.ticks(), model_.posted);
    ASSERT_EQ(balance.uncollected.ticks(), model_.uncollected);
    ASSERT_EQ(model_.free + model_.held + model_.posted, model_.issued);
  }

  void Grant() {
    const int64_t amount = 1 + Below(80);
    ASSERT_TRUE(
        Apply(NewId(), GrantCommand{.amount = Credits::FromTicks(amount)})
            .ok());
    model_.Grant(amount);
  }

  // Each id once.
  void Reserve() {
    if (reserved_ == kJobs) return Use();
    Job wanted = {.operation = Operation(), .expires = 0, .tops_up = OneIn(2)};
    model_.Advance(clock_);
    const int64_t quantity = Below(12);
    const bool is_priced = !OneIn(3);
    const RatedUsage rated =
        *RateQuantity(catalog_, *catalog_.FindOperation(wanted.operation),
                      quantity, At(model_.now()).ToTime());
    const SlicePrice price =
        *PriceOfSlice(PriceOf(catalog_, rated), {.slice = quantity}, "");
    wanted.asked = is_priced ? price.cost.ticks() : Below(40);
    const int64_t timeout = 1 + Below(30);
    wanted.expires = model_.now() + timeout;
    const int64_t job = reserved_++;
    const Did did =
        DidOf(Apply(JobId(job),
                    LedgerReserve{.amount = Credits::FromTicks(wanted.asked),
                                  .operation = wanted.operation,
                                  .timeout = absl::Seconds(timeout),
                                  .overrun = wanted.tops_up ? Overrun::kTopUp
                                                            : Overrun::kReject},
                    is_priced ? std::optional(price.pricing) : std::nullopt));
    ASSERT_EQ(did, model_.Reserve(job, wanted));
  }

  void Capture() {
    if (reserved_ == 0) return Reserve();
    const int64_t job = Below(reserved_);
    model_.Advance(clock_);
    Model::Taking taking = {
        .amount = Below(40), .is_final = OneIn(2), .collects = OneIn(3)};
    LedgerCapture capture = {.amount = Credits::FromTicks(taking.amount),
                             .final = taking.is_final,
                             .collects = taking.collects};
    const std::string id = JobId(job);
    capture.reservation = id;
    const std::string capture_id = NewId();
    if (OneIn(2) && model_.job(job).state != Job::kNone) {
      taking.quantity = Below(10);
      const Did did =
          DidOf(Noted(CaptureQuantity(*ledger_, catalog_,
                                      {.account = "acme",
                                       .id = capture_id,
                                       .reservation = id,
                                       .at = At(clock_),
                                       .quantity = *taking.quantity,
                                       .final = taking.is_final,
                                       .collects = taking.collects})));
      ASSERT_EQ(did, model_.Capture(job, taking)) << id;
      return;
    }
    const Did did = DidOf(Apply(capture_id, capture));
    ASSERT_EQ(did, model_.Capture(job, taking)) << id;
  }

  // Some of them once more, whatever has become of the job since.
  void Complete() {
    if (reserved_ == 0) return Reserve();
    const int64_t job = Below(reserved_);
    const int64_t quantity = Below(OneIn(6) ? 120 : 14);
    // What is of no reservation does not move the ledger's time.
    if (model_.job(job).state != Job::kNone) model_.Advance(clock_);
    const std::string id = absl::StrCat("complete:", quantity, ":", job);
    const absl::StatusOr<LedgerOutcome> outcome =
        Noted(CaptureQuantity(*ledger_, catalog_,
                              {.account = "acme",
                               .id = id,
                               .reservation = JobId(job),
                               .at = At(clock_),
                               .quantity = quantity,
                               .is_total = true,
                               .collects = true,
                               .implausible_factor = kImplausibleFactor}));
    const auto known = completed_.find(id);
    if (known != completed_.end()) {
      ASSERT_TRUE(outcome.ok() && outcome->replayed) << outcome.status();
      ASSERT_EQ(DidOf(outcome), known->second) << id;
      return;
    }
    const Did expected = model_.Complete(job, quantity);
    ASSERT_EQ(DidOf(outcome), expected) << id << " " << outcome.status();
    if (!expected.is_error) completed_.emplace(id, expected);
  }

  void Void() {
    if (reserved_ == 0) return;
    const int64_t job = Below(reserved_);
    const std::string id = JobId(job);
    const Did did = DidOf(Apply(NewId(), LedgerVoid{.reservation = id}));
    ASSERT_EQ(did, model_.Void(job));
  }

  void Refund() {
    if (postings_.empty()) return;
    const auto place =
        static_cast<size_t>(Below(static_cast<int64_t>(postings_.size())));
    const auto [sequence, posted] = postings_[place];
    postings_.erase(postings_.begin() + static_cast<ptrdiff_t>(place));
    const absl::StatusOr<LedgerOutcome> outcome =
        Apply(NewId(), LedgerRefund{.sequence = sequence});
    ASSERT_TRUE(outcome.ok());
    ASSERT_EQ(SumOf(outcome->effect.refunded)->ticks(), posted);
    model_.Refund(posted);
  }

  // A batch of records, some of them once more.
  void Use() {
    model_.Advance(clock_);
    std::vector<v1::UsageRecord> records;
    std::vector<Did> expected;
    std::vector<bool> is_retry;
    for (int64_t n = 1 + Below(3); n-- > 0;) {
      if (!charged_.empty() && OneIn(5)) {
        const auto& [record, job, did] = charged_[static_cast<size_t>(
            Below(static_cast<int64_t>(charged_.size())))];
        records.push_back(record);
        // Under either of its job's names.
        if (job >= 0) records.back().set_job_id(JobName(job));
        expected.push_back(did);
        is_retry.push_back(true);
        continue;
      }
      Model::Used used = {.job = Below(kJobs + 2) - 2,
                          .operation = Operation(),
                          .quantity = Below(OneIn(8) ? 200 : 12),
                          .start = model_.now() - Below(25),
                          .is_partial = OneIn(2),
                          .is_late = OneIn(6)};
      if (used.job >= 0 && model_.job(used.job).state != Job::kNone &&
          !OneIn(6)) {
        used.operation = model_.job(used.job).operation;
      }
      records.push_back(RecordOf(used));
      expected.push_back(model_.Use(used));
      is_retry.push_back(false);
      const Did& did = expected.back();
      if (!did.is_error && did.refusal != Refusal::kJobSettled) {
        charged_.push_back({records.back(), used.job, did});
      }
    }
    usage_->Charge(records, At(clock_), outcomes_);
    for (size_t i = 0; i < records.size(); ++i) {
      ASSERT_EQ(DidOf(outcomes_[i]), expected[i])
          << records[i].ShortDebugString() << " " << outcomes_[i].status();
      if (outcomes_[i].ok()) {
        ASSERT_EQ(outcomes_[i]->replayed, is_retry[i]);
        if (outcomes_[i]->effect.applied()) Remember(*outcomes_[i]);
      }
    }
  }

  v1::UsageRecord RecordOf(const Model::Used& used) {
    v1::UsageRecord record;
    record.set_record_id(NewId());
    record.set_account_id("acme");
    record.set_operation(used.operation);
    record.set_count(used.quantity);
    record.mutable_start_time()->set_seconds(used.start);
    record.mutable_end_time()->set_seconds(used.start + 1);
    if (used.job >= 0) record.set_job_id(JobName(used.job));
    record.set_partial(used.is_partial);
    record.set_late(used.is_late);
    return record;
  }

  const Catalog& catalog_;
  std::mt19937_64 engine_;
  Model model_;
  std::shared_ptr<testing::SharedStore::Content> store_ =
      std::make_shared<testing::SharedStore::Content>();
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<UsageLedger> usage_;
  int64_t clock_ = kStart;
  int64_t reserved_ = 0;
  int ids_ = 0;
  std::vector<std::pair<uint64_t, int64_t>> postings_;
  struct Charged {
    v1::UsageRecord record;
    int64_t job = -1;
    Did did;
  };
  std::vector<Charged> charged_;
  std::map<std::string, Did> completed_;
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes_;
};

// One of the parts that shards run.
class UsageLedgerOracle : public ::testing::TestWithParam<int64_t> {
 protected:
  static constexpr int64_t kParts = 4;
};

// KONPRO_COMMANDS: how many in all parts together.
TEST_P(UsageLedgerOracle, AgreesWithTheNaiveModel) {
  const Catalog catalog = ChangingCatalog();
  const int64_t episodes =
      NumberOf("KONPRO_COMMANDS", kCommandsDefault) / kCommandsPerEpisode;
  const auto seed = static_cast<uint64_t>(NumberOf("KONPRO_SEED", 1));
  for (int64_t i = GetParam(); i < episodes; i += kParts) {
    Episode(catalog, seed + static_cast<uint64_t>(i)).Run();
    ASSERT_FALSE(HasFailure()) << "KONPRO_SEED=" << seed + i;
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, UsageLedgerOracle,
                         ::testing::Range<int64_t>(0, 4));

}  // namespace
}  // namespace konpro
