# The window ends at 17:30, and the end is outside: who comes at that instant hears from us next morning.
# The opening is 08:30 plus this prospect's fixed share of the spread of 45 minutes: 08:46.
start: 2026-10-05 17:30 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 17:30  enrolled  new-leads                 source search-duplicates (content)
day 1 08:46  sent      early/duplicate-hunt      first unseen in early about control, which the source names
day 1        end
