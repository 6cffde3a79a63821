# new-leads takes nobody twice (again: never). Who left it and enters again rests on; after 60 days the
# other sequence takes them in, and what they were sent before is not sent again.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/duplicate-hunt
day 3 09:00   sent      early/self-assessment
day 3         learned   timeframe not-planned
day 3 12:00   left      new-leads                     its exit holds: timeframe is not-planned; rests until Mon 7 Dec 2026 11:00 GMT
day 5         learned   timeframe this-year
day 6         entered   source search-duplicates, kind content
day 63 11:00  enrolled  re-engagement
day 63 11:00  sent      early/where-are-you           first unseen in early
day 70 11:00  sent      early/three-counts
day 77 11:00  sent      early/exception-arithmetic
day 90        end
