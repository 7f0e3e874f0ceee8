# Reads the output of go test -cover; fails when a room is covered by 85 % or less, or does not appear.
BEGIN { rooms = split("template gitrepo scm scm/github scm/gitlab", room) }
$1 == "ok" {
	for (i = 1; i <= rooms; i++) {
		if ($2 == "update-gitops-repo/" room[i] && match($0, /coverage: [0-9.]+/)) {
			covered[room[i]] = substr($0, RSTART + 10, RLENGTH - 10) + 0
		}
	}
}
END {
	for (i = 1; i <= rooms; i++) {
		if (covered[room[i]] <= 85) {
			printf "coverage of %s is %s %%, it must be above 85 %%\n", room[i], covered[room[i]] + 0 > "/dev/stderr"
			bad = 1
		}
	}
	exit bad
}
