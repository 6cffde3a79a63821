# Asking for a demonstration goes to sales at once, whatever the score, and before anything is mailed.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source demo-form, kind intent
---
day 0 09:00  form      demo
day 0 09:00  promoted  to sales (grade A, asked for sales)    asked for sales (demo)
day 0 16:00  accepted
day 10       end
