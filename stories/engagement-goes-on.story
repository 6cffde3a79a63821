# The same silence, but they come back before the 14 days are over: nobody leaves. Two comparisons of
# 2 units each open mid (1.94 + 2 is 3.9), and the mid pieces follow, those on what they compared first.
start: 2026-10-05 08:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 08:00   enrolled  new-leads
day 0 08:46   sent      early/exception-arithmetic
day 3 08:46   sent      early/five-causes
day 7 08:46   sent      early/duplicate-hunt
day 10 08:46  sent      early/accrual-gap
day 14 08:46  sent      early/supplier-calls
day 17 08:46  sent      early/self-assessment
day 25        viewed    /vs/spreadsheets              intent +10.0 -> 10.0
day 26        viewed    /vs/erp-modules               intent +10.0 -> 19.5
day 26 12:00  moved     early -> mid                  evidence 3.9, mid opens at 3.0
day 30 08:46  sent      mid/four-ways                 first unseen in mid about integration, which interests them
day 35 08:46  sent      mid/erp-enough                first unseen in mid about integration, which interests them
day 36        end
