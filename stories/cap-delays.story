# Two in 7 days are allowed. After Tuesday and Friday the gap of 3 days would end on Monday, a good day for
# mail; the cap makes room on Tuesday at nine. The piece is late, not lost. (Six in 30 days is the other cap.)
start: 2026-10-06 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/exception-arithmetic    first unseen in early
day 3 09:00   sent      early/five-causes             first unseen in early
day 7 09:00   sent      early/duplicate-hunt          first unseen in early
day 10 09:00  sent      early/accrual-gap
day 14 09:00  sent      early/supplier-calls
day 17 09:00  sent      early/self-assessment
day 30        end
