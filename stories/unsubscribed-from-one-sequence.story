# No more of one sequence: it is left, what is on its way is stopped, and it never takes them in again. Another may,
# when they have rested.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled      new-leads
day 0 09:20  unsubscribed  from new-leads
day 0 09:20  left          new-leads              they unsubscribed from new-leads; rests until Fri 4 Dec 2026 08:20 GMT
day 0 09:20  cancelled     early/duplicate-hunt   left new-leads
day 60       enrolled      re-engagement
day 60       sent          early/duplicate-hunt
day 61       end
