# One look at the site on day 25 opens no stage, but the wait counts from it: the end comes on day 39, not 31.
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
day 25 12:00  viewed    /customers
day 39 12:00  left      new-leads
day 39        end
