# Not now, said sales: 90 days of rest, then mid. The stage that sales named stands for the whole rest, and the
# old sequence goes on with what that stage still has to say. (90 times 24 hours: the clocks go back in between.)
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/duplicate-hunt
day 1         form      demo
day 1 12:00   promoted  to sales (grade A, asked for sales)    asked for sales (demo)
day 2 10:00   accepted
day 10 10:00  recycled  not_now
day 100 09:00 enrolled  new-leads                              takes new-leads up again
day 100 09:00 sent      mid/tolerance-session
day 100       end
