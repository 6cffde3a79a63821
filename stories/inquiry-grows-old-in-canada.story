# In Canada an inquiry permits mail for six months (CASL section 10(10)). Theirs was in April: after it nothing is said
# until they consent.
start: 2026-10-05 09:00 America/Toronto
who: role controller, employees 400, industry manufacturing, invoices 3000, country CA, source search-duplicates, kind content, basis soft_opt_in, given 2026-04-07
---
day 0 09:00  enrolled   new-leads
day 0 09:00  sent       early/duplicate-hunt
day 14       consented
day 14       sent       early/self-assessment
day 17       sent       early/exception-arithmetic
day 18       end
