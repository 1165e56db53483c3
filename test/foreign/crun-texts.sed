# Messages that crun's tests look for, as brun words them: applied to a copy of the test_*.py files.
s/"poststop hook failed with exit code"/"warning: hooks.poststop["/
s/"No such file or directory" in error_msg/"no such file or directory" in error_msg/
s/"invalid character" in err and "container ID" in err/"invalid container ID format" in err/
s/'crun version'/'brun version'/
s/'usage:' not in output.lower()/'USAGE' not in output/
s/"Usage: crun \[OPTION...\] \([a-z]*\) CONTAINER\( cmd\)\?"/"  brun \1 [flags] CONTAINER-ID"/
s/"sched_setattr: `SCHED_DEADLINE` requires `runtime`"/"process.scheduler.runtime: expected at least 1024"/
s/"sched_setattr: `SCHED_DEADLINE` requires `deadline`"/"process.scheduler.deadline: expected at least the runtime"/
s/"sched_setattr: `SCHED_DEADLINE` runtime must be greater than 0"/"process.scheduler.runtime: expected at least 1024"/
s/"sched_setattr: `SCHED_DEADLINE` runtime" in output and "must be <="/"process.scheduler.deadline: expected" in output and "at least the runtime"/
s/"sched_setattr: `SCHED_DEADLINE` deadline" in output and "must be <=" in output and "period"/"process.scheduler.period: expected at least the deadline"/
/^def test_scheduler_deadline_too_small_runtime/,/^def test_scheduler_deadline_too_big/ {
s/"sched_setattr: `SCHED_DEADLINE` runtime " in output and " must be between "/"process.scheduler.runtime: expected at least 1024"/
}
# The kernel says what is too much.
s/"sched_setattr: `SCHED_DEADLINE` runtime " in output and " must be between "/"process.scheduler: cannot set the scheduling policy SCHED_DEADLINE: invalid argument"/
