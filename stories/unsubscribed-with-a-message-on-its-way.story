# The message is chosen at 09:00 and waits in the outbox when they unsubscribe: it does not leave.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled      new-leads
day 0 09:20  unsubscribed
day 0 09:20  cancelled     early/duplicate-hunt    may not be mailed: unsubscribed
day 30       end
