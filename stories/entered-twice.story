# The same person comes in again, from another campaign and from the first one: no second enrolment, nothing
# twice. What the webinar was about counts as an interest, so the accrual piece moves up to day 7.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/duplicate-hunt          first unseen in early about control, which the source names
day 1         entered   source webinar-month-end, kind content
day 3 09:00   sent      early/self-assessment         first unseen in early about month-end, which interests them
day 5         entered   source search-duplicates, kind content
day 7 09:00   sent      early/accrual-gap             first unseen in early about month-end, which interests them
day 10 09:00  sent      early/exception-arithmetic    first unseen in early
day 14 09:00  sent      early/five-causes             first unseen in early
day 17 09:00  sent      early/supplier-calls          first unseen in early
day 31 09:00  left      new-leads
day 40        end
