# Everything early is said by day 17, and nobody answers. 14 days later the sequence ends as it says, once,
# and nothing more is sent while they rest.
start: 2026-10-05 08:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 08:00   enrolled  new-leads
day 0 08:46   sent      early/exception-arithmetic
day 3 08:46   sent      early/five-causes
day 7 08:46   sent      early/duplicate-hunt
day 10 08:46  sent      early/accrual-gap
day 14 08:46  sent      early/supplier-calls
day 17 08:46  sent      early/self-assessment
day 31 08:46  left      new-leads                     nothing left to say in early; rests until Mon 4 Jan 2027 08:46 GMT
day 60        end
