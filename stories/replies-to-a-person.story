# A reply stops the sequence: a colleague has the word. They let it go on, or after 30 days it goes on by itself.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/duplicate-hunt
day 1        replied                           intent +18.0 -> 18.0
day 8 11:00  released
day 8 11:00  sent      early/self-assessment
day 9        replied                           intent +18.0 -> 31.8
day 39       sent      early/exception-arithmetic
day 40       end
