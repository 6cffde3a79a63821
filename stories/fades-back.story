# Three units halve in 21 days and fall to 1, the exit, after 21 * log2(3) = 33.28 days: on day 34. One step
# back at a time: mid has no evidence at all, but nobody leaves a stage before two days in it.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/exception-arithmetic
day 1         viewed    /security
day 1 12:00   moved     early -> late                evidence 3.0, late opens at 3.0
day 3 12:00   sent      late/security-pack
day 7 09:00   sent      late/six-weeks
day 10 12:00  sent      late/reference-hollis
day 14 09:00  sent      late/price-in-full
day 17 12:00  sent      late/leaving-us
day 30 08:46  sent      late/pilot
day 34 17:49  moved     late -> mid                  evidence faded to 1.0, below 1.0
day 35 08:46  sent      mid/tolerance-session
day 36 17:49  moved     mid -> early                 evidence faded to 0.0, below 1.0
day 38 08:46  sent      early/duplicate-hunt
day 38        end
