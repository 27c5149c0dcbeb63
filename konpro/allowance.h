// An Allowance is a recurring grant: so many credits for each calendar period
// in a time zone, as a pure function of the period's index. account.h makes the
// grants as time passes.
//
//   Allowance::Create({.source = "subscription-7", .item = "credits",
//                      .amount = *Credits::Parse("1000"),
//                      .cycle = Cycle::kMonth,
//                      .anchor = 2027-01-31, .zone = "Europe/Berlin",
//                      .rollover_max = *Credits::Parse("500")});
//   allowance.Begin(1)           // 2027-02-28T00:00 in Berlin: clamped
//   allowance.Begin(2)           // 2027-03-31: from the anchor, not from Feb
//   allowance.GrantId(1)         // "subscription-7/credits/1"
//
// (Sketch: Spec {source, item, amount, cycle day|week|month|year, anchor
// civil day, zone, priority, operations, kind, rollover_max, ends_before_index},
// Create -> StatusOr, Begin(index) -> UnixNanos, GrantId(index).)
