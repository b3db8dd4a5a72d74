# Completion of evpub, evsub, evtail, evlag, evtrim, evdlq and evreplay for bash
# shellcheck shell=bash
#
# Needs nothing but bash.  Names of streams and groups come from the server that
# the command line, else EV_URL, else REDIS_URL names, if redis-cli or valkey-cli
# is there and the server answers within 300 ms; a password is not asked for.

_ev_connection='-u --url= --password-file= --cacert= --cert= --cert-key= --sni=
	--insecure --retry-for= --reply-timeout='
_ev_select='-t --type= -e --filter= -j --jq= -c --count= -w --timeout= -m --meta
	-0 --null --field='
_ev_schemas='--schema-dir= --schema-map= --assert-format'
_ev_common='-q --quiet -v --verbose --log= --profile= --dump-config --print-acl
	-h --help -V --version'

# The options of a program; one that ends in = takes an argument.
_ev_options()
{
	case $1 in
	evpub)
		echo "$_ev_connection $_ev_common $_ev_schemas --schema= \
			--schema-required -t --type= --source= \
			--subject= --correlation= --causation= --traceparent= \
			--ext= --text --fill --records --envelope= -i --ids \
			-T --events --rejects= --strict --dry-run --max-bytes= \
			--dedup= --dedup-key= --atomic= --delay= --at= \
			--promote --priority --route --to= --compat= --await= --rate= --max-lag= \
			--maxlen= --no-create --durability= -w --timeout="
		;;
	evsub)
		echo "$_ev_connection $_ev_common $_ev_select $_ev_schemas \
			-g --group= --consumer= --from= -b --batch= -E --until-end --lease= \
			--manual --settle --coprocess -P --jobs= --attempts= \
			--backoff= --backoff-max= --job-timeout= --grace= \
			--max-waiting= --priorities --ordered --key= -O --output= \
			--output-type="
		;;
	evtail)
		echo "$_ev_connection $_ev_common $_ev_select -n --lines= \
			-f --follow -S --since= -U --until= --correlation= \
			--checkpoint= --to= -g --group= --status= --stats --format= \
			--delayed $_ev_schemas --invalid"
		;;
	evdlq)
		echo "$_ev_connection $_ev_common $_ev_select -g --group= \
			--reason= -S --since= -U --until= --stats --format= \
			--check= --redrive --to= --force --purge --rate= \
			--stdin -y --yes --no-audit"
		;;
	evtrim)
		echo "$_ev_connection $_ev_common --keep= --before= --maxlen= \
			--max-bytes= --archive= --dead= --consumers= --policy= \
			--delete --ids --delayed -t --type= -e --filter= \
			--correlation= -S --since= -U --until= -c --count= \
			--field= --force -y --yes -w --timeout= --format= \
			--no-audit"
		;;
	evlag)
		echo "$_ev_connection $_ev_common -g --group= --format= \
			--to= --lease= --sample= --interval= -c --count= -w \
			--timeout= --check --warn= --crit= --rules= --alerts \
			--health --watch --jobs"
		;;
	evreplay)
		echo "$_ev_connection $_ev_common $_ev_select --in= --skip= \
			--max-bytes= --to= -S --since= -U --until= --speed= \
			--max-gap= --rate= --mark --checkpoint= --force \
			--maxlen= --no-create --durability= --rewind= --by= \
			--to-end --behind= --entries-read= --lease= -y --yes \
			--no-audit --correlation="
		;;
	*) echo "$_ev_common" ;;
	esac
}

# The long name of a letter that takes an argument.
_ev_long()
{
	case $1:$2 in
	*:-u) echo --url ;;
	*:-t) echo --type ;;
	evpub:-w | evsub:-w | evtail:-w | evdlq:-w | evlag:-w) echo --timeout ;;
	evtrim:-w | evreplay:-w) echo --timeout ;;
	evsub:-g | evtail:-g | evdlq:-g | evlag:-g) echo --group ;;
	evsub:-b) echo --batch ;;
	evsub:-P) echo --jobs ;;
	evsub:-O) echo --output ;;
	evsub:-e | evtail:-e | evdlq:-e | evtrim:-e | evreplay:-e) echo --filter ;;
	evsub:-j | evtail:-j | evdlq:-j | evreplay:-j) echo --jq ;;
	evsub:-c | evtail:-c | evdlq:-c | evlag:-c) echo --count ;;
	evtrim:-c | evreplay:-c) echo --count ;;
	evtail:-n) echo --lines ;;
	evtail:-S | evdlq:-S | evtrim:-S | evreplay:-S) echo --since ;;
	evtail:-U | evdlq:-U | evtrim:-U | evreplay:-U) echo --until ;;
	*) echo "$2" ;;
	esac
}

# _ev_ask URL COMMAND... - what the server answers, in lines, or nothing.
# Names with characters that a shell would take apart are left out.
_ev_ask()
{
	local url=$1 client rest login='' db=0 limit=()
	shift
	client=$(command -v redis-cli || command -v valkey-cli) || return 0
	command -v timeout >/dev/null && limit=(timeout 0.3)
	case $url in
	/* | unix://*)
		rest=${url#unix://}
		[[ $rest == /* ]] || login=${rest%%@/*}
		[[ $rest == /* ]] || rest=/${rest#*@/}
		[[ $rest != *'?db='* ]] || db=${rest##*'?db='}
		set -- -s "${rest%%\?*}" -n "$db" "$@"
		;;
	redis://* | rediss://* | *:* | '')
		rest=${url#*://}
		[[ $url != rediss://* ]] || set -- --tls "$@"
		[[ $rest != *@* ]] || login=${rest%@*}
		rest=${rest##*@}
		[[ $rest != */?* ]] || db=${rest#*/}
		rest=${rest%%/*}
		[[ $rest != *:* ]] || set -- -p "${rest##*:}" "$@"
		set -- -h "${rest%:*}" -n "$db" "$@"
		[[ $rest ]] || set -- "${@:3}"
		;;
	*) set -- -h "$url" "$@" ;;
	esac
	[[ $login != *:* || ! ${login%%:*} ]] || set -- --user "${login%%:*}" "$@"
	[[ $login != *:* ]] || local -x REDISCLI_AUTH=${login#*:}
	"${limit[@]}" "$client" "$@" 2>/dev/null </dev/null |
		grep -a '^[][A-Za-z0-9_.:{}@%+,/=-]*$' | head -n 1000
}

# The words before the cursor, parted by blanks alone: COMP_WORDS takes them
# apart at : = and @ too.
_ev_line()
{
	local before=${COMP_LINE:0:COMP_POINT}
	IFS=$' \t' read -ra line <<<"$before"
	[[ $before != *[[:blank:]] ]] || line+=('')
}

# The server that the command line names.
_ev_url()
{
	local line=() i
	_ev_line
	for ((i = 1; i < ${#line[@]} - 1; i++)); do
		case ${line[i]} in
		-u | --url) echo "${line[i + 1]}" && return ;;
		--url=*) echo "${line[i]#*=}" && return ;;
		-u?*) echo "${line[i]#-u}" && return ;;
		esac
	done
	echo "${EV_URL:-${REDIS_URL:-redis://127.0.0.1:6379}}"
}

_ev_streams()
{
	_ev_ask "$(_ev_url)" --raw SCAN 0 MATCH "$1*" COUNT 10000 TYPE stream |
		tail -n +2
}

# Groups of the streams among the words, of many streams if there are none.
_ev_groups_script='local r, keys = {}, KEYS
if #keys == 0 then
	keys = redis.call("SCAN", 0, "COUNT", 1000, "TYPE", "stream")[2]
end
for _, key in ipairs(keys) do
	local groups = redis.pcall("XINFO", "GROUPS", key)
	for _, group in ipairs(groups.err and {} or groups) do
		r[#r + 1] = group[2]
	end
end
return r'

_ev_groups()
{
	local line=() streams=() i
	_ev_line
	for ((i = 1; i < ${#line[@]} - 1; i++)); do
		[[ ${line[i]} == -* || ${line[i - 1]} == -* ]] ||
			streams+=("${line[i]}")
	done
	_ev_ask "$(_ev_url)" --raw EVAL "$_ev_groups_script" ${#streams[@]} \
		"${streams[@]}" | sort -u
}

_ev_words()
{
	local word
	while IFS= read -r word; do
		[[ $word != "$2"* ]] || COMPREPLY+=("$word")
	done <<<"$1"
}

# bash takes words apart at a colon: leave out what stands before it already.
_ev_trim_colons()
{
	local i prefix
	[[ $1 == *:* && $COMP_WORDBREAKS == *:* ]] || return 0
	prefix=${1%:*}:
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$prefix"}
	done
}

# _ev_value OPTION CURRENT - complete the argument of an option; false if it
# takes none
_ev_value()
{
	local IFS=$'\n'
	case $3:$1 in
	*:--password-file | *:--cacert | *:--cert | *:--cert-key | \
		*:--rejects | *:--checkpoint | *:--rules | *:--archive | \
		*:--policy | *:--in | *:--schema | evlag:--to)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	*:--schema-dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$2")
		;;
	*:--envelope) _ev_words $'auto\ncloudevents\ndomain\nnone' "$2" ;;
	*:--compat) _ev_words $'backward\nforward\nfull' "$2" ;;
	*:--durability) _ev_words $'none\nleader\nfsync\nreplicas=' "$2" ;;
	*:--log) _ev_words $'text\njson' "$2" ;;
	*:--lines) _ev_words $'all\n+1\n10\n100' "$2" ;;
	*:--from | *:--since | *:--until | *:--before)
		_ev_words $'start\nend\nnow\n1h\n1d\n7d' "$2"
		;;
	evlag:--format)
		_ev_words $'table\nndjson\nprometheus\nnagios' "$2"
		;;
	evtrim:--format) _ev_words $'text\nndjson' "$2" ;;
	*:--format) _ev_words $'table\nndjson' "$2" ;;
	*:--reason)
		_ev_words $'exhausted\nrejected\ncrash-loop\ninvalid\noversize\ntrimmed' "$2"
		;;
	*:--status) _ev_words $'waiting\npending\nretrying\ndone\ndead' "$2" ;;
	evpub:--to | evtail:--to) _ev_words $'cloudevents\ndomain' "$2" ;;
	*:--to | *:--await | *:--output) _ev_words "$(_ev_streams "$2")" "$2" ;;
	*:--group | *:--rewind) _ev_words "$(_ev_groups)" "$2" ;;
	*:--url)
		_ev_words $'redis://\nrediss://\nunix:///' "$2"
		compopt -o nospace 2>/dev/null
		;;
	*) [[ " $(_ev_options "$3" | tr -s '[:space:]' ' ') " == *" $1= "* ]] ;;
	esac
}

_ev()
{
	local program=${1##*/} current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]} before=''
	COMPREPLY=()
	((COMP_CWORD < 2)) || before=${COMP_WORDS[COMP_CWORD - 2]}
	# --name=value comes as three words.
	if [[ $current == '=' && $previous == --* ]]; then
		_ev_value "$previous" '' "$program"
		return 0
	elif [[ $previous == '=' && $before == --* ]]; then
		_ev_value "$before" "$current" "$program"
		return 0
	elif [[ $previous == -* ]] && _ev_value "$(
		_ev_long "$program" "$previous")" "$current" "$program"; then
		_ev_trim_colons "$current"
		return 0
	fi
	if [[ $current == -* ]]; then
		local option
		for option in $(_ev_options "$program"); do
			[[ $option != "$current"* ]] || COMPREPLY+=("$option")
		done
		if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *= ]]; then
			compopt -o nospace 2>/dev/null
		fi
		return 0
	fi
	local line=()
	_ev_line
	local name=${line[-1]}
	_ev_words "$(_ev_streams "$name")" "$name"
	_ev_trim_colons "$name"
}

complete -F _ev evpub evsub evtail evlag evtrim evdlq evreplay
