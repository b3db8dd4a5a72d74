# What the shells offer for a command line, asked of the shells themselves.

load helper

setup_file()
{
	start_server
	evpub orders '{"order":1}'
	evpub shop:eu.users '{"user":1}'
	redis xgroup create orders billing 0 >/dev/null
	redis xgroup create shop:eu.users crm 0 >/dev/null
	redis set no-stream 1 >/dev/null
}

teardown_file()
{
	stop_server
}

setup()
{
	cd "$EV_TOP" || return
	export URL=$EV_URL
}

# offered_by SHELL LINE - what it offers for the line's last word, in $output
offered_by()
{
	case $1 in
	bash) in_bash "$2" ;;
	fish) in_fish "$2" ;;
	zsh) in_zsh "$2" ;;
	esac
}

# COMP_WORDS as bash makes it: : = and @ are words.
in_bash()
{
	must_exit 0 bash -c '
	source completions/ev.bash
	line=$1 COMP_WORDS=()
	for word in $line; do
		while [[ $word =~ ^([^:=@]*)([:=@]+)(.*)$ ]]; do
			[[ -z ${BASH_REMATCH[1]} ]] ||
				COMP_WORDS+=("${BASH_REMATCH[1]}")
			COMP_WORDS+=("${BASH_REMATCH[2]}")
			word=${BASH_REMATCH[3]}
		done
		[[ -z $word ]] || COMP_WORDS+=("$word")
	done
	[[ $line != *" " ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_LINE=$line COMP_POINT=${#line}
	spec=$(complete -p "${COMP_WORDS[0]}")
	spec=${spec#* -F }
	"${spec%% *}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" \
		"${COMP_WORDS[COMP_CWORD - 1]}"
	[[ ${#COMPREPLY[@]} -eq 0 ]] || printf "%s\n" "${COMPREPLY[@]}"
	' bash "$1"
	must_equal "$stderr" ''
}

in_fish()
{
	export HOME=$BATS_TEST_TMPDIR
	must_exit 0 fish --no-config -c '
		source completions/ev.fish
		complete -C $argv[1] | string replace -r "\t.*" ""
		true' "$1"
	must_equal "$stderr" ''
}

# A zsh on a terminal of its own, with a compadd that writes down what it adds.
in_zsh()
{
	export OFFERED=$BATS_TEST_TMPDIR/offered
	rm -f "$OFFERED" "$OFFERED.done"
	cat >"$BATS_TEST_TMPDIR/driver" <<'END'
zmodload zsh/zpty zsh/zselect
zpty asked zsh -f -i
zpty -w asked 'source $OFFERED.rc'
while [[ ! -e $OFFERED.ready ]]; do
	zpty -r -t asked >/dev/null || zselect -t 1
done
zpty -w -n asked "$1"$'\t'
while [[ ! -e $OFFERED.done ]]; do
	zpty -r -t asked >/dev/null || zselect -t 1
done
zpty -d asked
END
	cat >"$OFFERED.rc" <<'END'
PS1= LISTMAX=10000
fpath=($EV_TOP/completions $fpath)
autoload -Uz compinit
compinit -D -u
bindkey '^I' complete-word
compadd()
{
	if [[ " ${@[1,(i)(-|--)]} " == *' '-[a-zA-Z]#[OAD]' '* ]]; then
		builtin compadd "$@"
		return
	fi
	local -a __hits
	builtin compadd -A __hits "$@"
	(( $#__hits == 0 )) || print -rl -- $__hits >>$OFFERED
	builtin compadd "$@"
}
setopt extended_glob
finish() { : >$OFFERED.done }
comppostfuncs=(finish)
: >>$OFFERED.ready
END
	rm -f "$OFFERED.ready"
	touch "$OFFERED"
	must_exit 0 zsh -f "$BATS_TEST_TMPDIR/driver" "$1"
	output=$(sort -u "$OFFERED")
}

# offers LINE WORD... - every shell that is here offers exactly these, sorted
offers()
{
	local shell line=$1 expected
	shift
	expected=$(printf '%s\n' "$@" | sort)
	for shell in bash fish zsh; do
		command -v $shell >/dev/null || continue
		offered_by $shell "$line" || return 1
		# Some shells show an option or a value with its = .
		output=$(sed 's/^--[a-z-]*=\(.\)/\1/; s/=$//' <<<"$output" |
			grep -v '^$' | sort -u)
		if [ "$output" != "$expected" ]; then
			printf '%s offers for "%s":\n%s\nnot:\n%s\n' $shell \
				"$line" "$output" "$expected" >&2
			cat "$ERR" >&2
			return 1
		fi
	done
}

@test "streams, as operands" {
	offers 'evtail ord' orders
	offers 'evsub -g billing ' orders shop:eu.users
	offers 'evpub or' orders
}

@test "streams of the server that -u names" {
	export EV_URL=redis://127.0.0.1:1
	offers "evtail -u $URL ord" orders
	offers "evtail --url=$URL ord" orders
	offers "evtail -u $URL?db=1 ord" ''
}

@test "groups" {
	offers 'evsub -g ' billing crm
	offers 'evsub -g bi' billing
	offers 'evsub --group=b' billing
	offers 'evreplay --rewind b' billing
}

@test "groups of the stream that was named" {
	offers 'evsub orders -g ' billing
	offers 'evsub shop:eu.users -g ' crm
}

@test "fixed values" {
	offers 'evpub --envelope ' auto cloudevents domain none
	offers 'evpub --durability ' fsync leader none replicas
	offers 'evtail --log ' json text
	offers 'evlag --log=j' json
	offers 'evtail -n a' all
}

@test "files, for options that take one" {
	mkdir "$BATS_TEST_TMPDIR/d"
	: >"$BATS_TEST_TMPDIR/d/certificate.pem"
	ln -s "$EV_TOP/completions" "$BATS_TEST_TMPDIR/d/completions"
	cd "$BATS_TEST_TMPDIR/d" || return
	offers 'evpub --cert cert' certificate.pem
	offers 'evtail --checkpoint cert' certificate.pem
	offers 'evreplay --in cert' certificate.pem
}

@test "options" {
	offers 'evpub --dur' --durability
	offers 'evsub --se' --settle
	offers 'evtail --pro' --profile
	offers 'evpub --cert' --cert --cert-key
	offers 'evdlq --d' --dump-config
}

@test "nothing, quickly and quietly, where no server answers" {
	export EV_URL=redis://127.0.0.1:1
	offers 'evtail ord' ''
	export EV_URL=redis+sentinel://h1,h2/m
	offers 'evtail ord' ''
	export EV_URL=unix://$BATS_TEST_TMPDIR/none
	offers 'evsub -g ' ''
}

@test "nothing, soon, where the server hangs" {
	export EV_URL=$URL
	kill -STOP "$(server_pid)"
	LIMIT=5
	offers 'evtail ord' '' && offers 'evsub -g ' '' && result=0 || result=1
	kill -CONT "$(server_pid)"
	return "$result"
}

@test "nothing where a password is asked for" {
	redis config set requirepass sesame >/dev/null
	offers 'evtail ord' '' && result=0 || result=1
	REDISCLI_AUTH=sesame offers 'evtail ord' orders || result=1
	EV_URL=unix://:sesame@${URL#unix://} offers 'evtail ord' orders ||
		result=1
	offers "evtail -u unix://default:sesame@${URL#unix://} ord" orders ||
		result=1
	redis -a sesame --no-auth-warning config set requirepass '' >/dev/null
	return "$result"
}

@test "a stream's name with colons is completed in bash behind the last one" {
	in_bash 'evtail shop:e'
	must_print eu.users
	in_bash 'evtail sho'
	must_print shop:eu.users
}
