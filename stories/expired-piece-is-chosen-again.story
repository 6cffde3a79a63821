# A message that did not leave in time was never seen, so its piece is chosen again after an hour.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  expired   early/duplicate-hunt
day 0 10:00  sent      early/duplicate-hunt           first unseen in early about control, which the source names
day 3 10:00  sent      early/self-assessment
day 3        end
