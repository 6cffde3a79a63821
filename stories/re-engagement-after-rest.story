# After the rest the slower sequence takes over: where-are-you first, one a week, three in 30 days. They read
# it, which is a sign of life; then it has its say and closes after 21 days of silence.
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
day 91 08:46  enrolled  re-engagement
day 91 08:46  sent      early/where-are-you
day 92        clicked   where-are-you
day 98 08:46  sent      early/three-counts
day 119 08:46 left      re-engagement                 nothing left to say in early; closed
day 125       end
