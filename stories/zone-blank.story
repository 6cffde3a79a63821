# Nobody knows their zone: the sender's holds. 08:46 in London is 16:46 in Tokyo, whose clock this story keeps.
start: 2026-10-05 09:00 Asia/Tokyo
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content, zone unknown
---
day 0 09:00  enrolled  new-leads
day 0 16:46  sent      early/duplicate-hunt
day 0        end
