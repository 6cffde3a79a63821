# A zone that does not exist counts as not known: the sender's holds.
start: 2026-10-05 09:00 Asia/Tokyo
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content, zone Mars/Olympus
---
day 0 09:00  enrolled  new-leads
day 0 16:46  sent      early/duplicate-hunt
day 0        end
