# The gap of three days ends on 24 December. That day and the 31st are days off in programme.yaml,
# Christmas Day, the substitute for Boxing Day (28th) and New Year's Day are holidays in Britain.
start: 2026-12-21 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 09:00   enrolled  new-leads
day 0 09:00   sent      early/exception-arithmetic    first unseen in early
day 8 08:46   sent      early/five-causes             first unseen in early
day 14 08:46  sent      early/duplicate-hunt          first unseen in early
day 14        end
