# The request that sales rejected is spent: it causes no second promotion. A new one needs no fresh points.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source demo-form, kind intent
---
day 0 09:00   form      demo
day 0 09:00   promoted  to sales (grade A, asked for sales)    asked for sales (demo)
day 1 09:00   rejected  too_early
day 1 09:00   moved     early -> late                          evidence 3.0, late opens at 3.0
day 1 09:00   enrolled  new-leads
day 2 09:00   sent      late/six-weeks
day 7 08:46   sent      late/reference-hollis
day 9 10:00   form      demo
day 9 10:00   promoted  to sales (grade A, asked for sales)    asked for sales (demo)
day 9         end
