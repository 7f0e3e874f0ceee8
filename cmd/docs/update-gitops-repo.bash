# Completion of update-gitops-repo for bash 3.2 and later; made from the program's flags, by make docs.
# shellcheck shell=bash disable=SC2207
_update_gitops_repo() {
	# A = is a word by itself here.
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur= prev+==
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}=
	fi
	case ${prev/#--/-} in
	-repo | -repo=) return ;;
	-workdir | -workdir=) return ;;
	-base | -base=) return ;;
	-token | -token=) return ;;
	-token-file | -token-file=) return ;;
	-username | -username=) return ;;
	-github-app-id | -github-app-id=) return ;;
	-github-app-key-file | -github-app-key-file=) return ;;
	-ssh-key-file | -ssh-key-file=) return ;;
	-ssh-known-hosts | -ssh-known-hosts=) return ;;
	-ca-file | -ca-file=) return ;;
	-check-auth=) words='true false' ;;
	-add | -add=) return ;;
	-filepath | -filepath=) return ;;
	-substitute | -substitute=) return ;;
	-substitute-env | -substitute-env=) return ;;
	-delims | -delims=) return ;;
	-template | -template=) return ;;
	-validate=) words='true false' ;;
	-set | -set=) return ;;
	-set-missing | -set-missing=) words='error create skip' ;;
	-image | -image=) return ;;
	-image-files | -image-files=) return ;;
	-image-missing | -image-missing=) words='ignore add' ;;
	-image-strict=) words='true false' ;;
	-yq | -yq=) return ;;
	-git-revision | -git-revision=) return ;;
	-app | -app=) return ;;
	-branch | -branch=) return ;;
	-commit-message | -commit-message=) return ;;
	-author-name | -author-name=) return ;;
	-author-email | -author-email=) return ;;
	-committer-name | -committer-name=) return ;;
	-committer-email | -committer-email=) return ;;
	-signoff=) words='true false' ;;
	-sign-key-file | -sign-key-file=) return ;;
	-sign-passphrase | -sign-passphrase=) return ;;
	-sign-passphrase-file | -sign-passphrase-file=) return ;;
	-commit-via-api=) words='true false' ;;
	-sequence | -sequence=) return ;;
	-force-push=) words='true false' ;;
	-create-pull-request=) words='true false' ;;
	-merge-pull-request=) words='true false' ;;
	-merge-method | -merge-method=) words='merge squash rebase' ;;
	-auto-merge=) words='true false' ;;
	-wait=) words='true false' ;;
	-delete-branch=) words='true false' ;;
	-supersede=) words='true false' ;;
	-pr-title | -pr-title=) return ;;
	-pr-body | -pr-body=) return ;;
	-pr-body-file | -pr-body-file=) return ;;
	-pr-label | -pr-label=) return ;;
	-pr-reviewer | -pr-reviewer=) return ;;
	-pr-assignee | -pr-assignee=) return ;;
	-pr-milestone | -pr-milestone=) return ;;
	-pr-draft=) words='true false' ;;
	-scm-provider | -scm-provider=) words='github gitlab' ;;
	-scm-url | -scm-url=) return ;;
	-dry-run=) words='true false' ;;
	-output | -output=) words='text json' ;;
	-result-dir | -result-dir=) return ;;
	-result-env | -result-env=) return ;;
	-verbose=) words='true false' ;;
	-log-format | -log-format=) words='text json' ;;
	-timeout | -timeout=) return ;;
	-max-fetch | -max-fetch=) return ;;
	-config | -config=) return ;;
	-version=) words='true false' ;;
	-h=) words='true false' ;;
	*) [[ $cur != -* ]] || words=' -repo -workdir -base -token -token-file -username -github-app-id -github-app-key-file -ssh-key-file -ssh-known-hosts -ca-file -check-auth -add -filepath -substitute -substitute-env -delims -template -validate -set -set-missing -image -image-files -image-missing -image-strict -yq -git-revision -app -branch -commit-message -author-name -author-email -committer-name -committer-email -signoff -sign-key-file -sign-passphrase -sign-passphrase-file -commit-via-api -sequence -force-push -create-pull-request -merge-pull-request -merge-method -auto-merge -wait -delete-branch -supersede -pr-title -pr-body -pr-body-file -pr-label -pr-reviewer -pr-assignee -pr-milestone -pr-draft -scm-provider -scm-url -dry-run -output -result-dir -result-env -verbose -log-format -timeout -max-fetch -config -version -h' ;;
	esac
	[[ $cur != --* ]] || words=${words// -/ --}
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
# What is none of these is a file, for all that readline knows.
complete -o bashdefault -o default -F _update_gitops_repo update-gitops-repo
