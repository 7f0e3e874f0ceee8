# coverage.awk PACKAGES LOG... reads a list of packages and what go test -cover printed. It fails unless each package of
# this module in the list is covered above 85 % by its own tests.
FNR == NR {
	if ($1 ~ /^update-gitops-repo\//) {
		covered[$1] = "no"
	}
	next
}
{
	for (i = 1; i <= 2; i++) { # "ok PACKAGE …", or "PACKAGE coverage: 0.0% …" where there are no tests
		if ($i in covered && /coverage: \[no statements\]/) {
			covered[$i] = 100
		} else if ($i in covered && match($0, /coverage: [0-9.]+/)) {
			covered[$i] = substr($0, RSTART + 10, RLENGTH - 10) + 0
		}
	}
}
END {
	for (package in covered) {
		found++
		if (covered[package] == "no" || covered[package] <= 85) {
			printf "coverage of %s is %s %%, it must be above 85 %%\n", package, covered[package] > "/dev/stderr"
			bad = 1
		}
	}
	if (!found) {
		print "no packages to check" > "/dev/stderr"
		bad = 1
	}
	exit bad
}
