# The catalogs of event types in examples/catalogs: their schemas are schemas,
# their samples are what they say.

load helper

setup()
{
	cd "$EV_TOP/examples/catalogs" || return
	catalogs=(flextime nixflow pyairtable collective)
	work=$BATS_TEST_TMPDIR
}

# is_empty FILE - else print it
is_empty()
{
	[ ! -s "$1" ] || {
		cat "$1" >&2
		return 1
	}
}

# publish CATALOG FILE [OPTION...] - a dry run of the events in FILE by its
# schemas; what is refused is in $work/rejects
publish()
{
	local catalog=$1 events=$2
	shift 2
	rm -f "$work/rejects"
	# shellcheck disable=SC2016 # of the inner shell
	run_limited sh -c 'events=$1 && shift && evpub "$@" <"$events"' - \
		"$events" --dry-run --schema-dir "$catalog" \
		--schema-map "https://$catalog.example/events=$catalog" \
		--schema-required --assert-format --rejects "$work/rejects" \
		"$@" events
}

# has_types CATALOG COUNT TYPE... - these are types of it, of COUNT at least
has_types()
{
	local catalog=$1 count=$2 type
	shift 2
	for type; do
		if [ ! -f "$catalog/$type/1.json" ]; then
			echo "$catalog has no $type" >&2
			return 1
		fi
	done
	set -- "$catalog"/*/1.json
	if [ $# -lt "$count" ]; then
		echo "$catalog has $# types" >&2
		return 1
	fi
}

@test "flextime has the types of a scheduling system" {
	has_types flextime 24 \
		schedule.{created,updated,published,deleted,optimized} \
		game.{scheduled,rescheduled,cancelled} \
		optimization.{started,progress,completed,failed} \
		compass.training.{started,completed} \
		compass.prediction.{requested,completed} \
		system.service.{started,stopped} system.health.failed \
		notification.{required,sent} \
		constraint.{added,violated,resolved}
}

@test "pyairtable has types of users, workspaces, logins, Airtable and jobs" {
	has_types pyairtable 20 user.registered workspace.created \
		auth.login.failed airtable.record.updated \
		job.{created,started,progress,completed,failed,dead}
}

@test "nixflow has 60 types, of all priorities" {
	has_types nixflow 60 ticket.created automation.triggered sla.breached \
		kb.article.published user.created workflow.started \
		notification.sent
	jq -r .priority nixflow/*/samples/*.valid.json | sort -u |
		diff - <(printf '%s\n' critical high low normal)
}

@test "collective has types of embeddings, files, market, content and tasks" {
	has_types collective 24 \
		embedding.generation.{requested,completed,failed} \
		file.{uploaded,extracted,indexed} \
		notification.{requested,delivered} market.order.placed \
		content.published task.created
}

@test "the README's table counts the types" {
	for catalog in "${catalogs[@]}"; do
		set -- "$catalog"/*/1.json
		grep -q "^| \[$catalog\]($catalog/) | $# |" README.md || {
			echo "$catalog has $# types" >&2
			return 1
		}
	done
}

@test "the README's commands print what it shows" {
	awk -v into="$work/" '
	/^```sh runnable$/ { file = sprintf("%s%02d.sh", into, ++n); next }
	/^```text output$/ { file = sprintf("%s%02d.expected", into, n); next }
	/^```/ { file = ""; next }
	file != "" { print >file }' README.md
	set -- "$work"/[0-9]*.sh
	[ $# -ge 4 ]
	for block; do
		expected=${block%.sh}.expected
		[ -e "$expected" ] || : >"$expected"
		sh -eu "$block" 2>&1 | diff "$expected" -
	done
}

@test "a schema's title is its type, its \$id where it is" {
	# shellcheck disable=SC2016 # of jq
	jq -r '(input_filename | split("/")) as [$top, $catalog, $type, $file] |
		"https://\($catalog).example/events/\($type)/\($file)" as $uri |
		select(.title != $type or .description == null or
			(."$id" // $uri) != $uri) | input_filename' \
		./*/*/[0-9]*.json >"$work/wrong"
	is_empty "$work/wrong"
}

@test "files are laid out as jq does it" {
	for file in ./*/common.json ./*/*/[0-9]*.json; do
		jq . "$file" | cmp - "$file"
	done
	for file in ./*/*/samples/*.json; do
		jq -c . "$file" | cmp - "$file"
	done
}

@test "each version of a type has a valid and an invalid sample, and no more" {
	for schema in */*/[0-9]*.json; do
		version=${schema##*/}
		for kind in valid invalid; do
			echo "${schema%/*}/samples/${version%.json}.$kind.json"
		done
	done | sort | diff - <(printf '%s\n' */*/samples/* | sort)
}

@test "a sample's type and version are its place" {
	for sample in ./*/*/samples/*; do
		jq -r '"\(.type // .event_type)/samples/\(
			.version // .metadata.version)"' "$sample"
	done | diff - <(printf '%s\n' ./*/*/samples/* |
		sed 's|^\./[^/]*/||; s|\.[a-z]*\.json$||')
}

@test "samples are caused by samples" {
	for catalog in "${catalogs[@]}"; do
		# shellcheck disable=SC2016 # of jq
		jq -e -s 'map({
			id: (.id // .event_id),
			within: (.correlationid // .metadata.correlation_id),
			by: (.causationid // .metadata.causation_id)
		}) | INDEX(.id) as $known |
		all(.within != null and
			(.by == null or $known[.by].within == .within)) and
		any(.by != null)' "$catalog"/*/samples/*.valid.json
	done
}

@test "valid samples keep their schemas, which are worth no warning" {
	for catalog in "${catalogs[@]}"; do
		cat "$catalog"/*/samples/*.valid.json >"$work/events"
		publish "$catalog" "$work/events"
		must_equal "$status" 0
		must_equal "$stderr" ''
		is_empty "$work/rejects"
	done
}

@test "invalid samples break one thing, and expected.txt says which" {
	for catalog in "${catalogs[@]}"; do
		cat "$catalog"/*/samples/*.invalid.json >"$work/events"
		publish "$catalog" "$work/events" -v
		must_equal "$status" 3
		# shellcheck disable=SC2016 # of jq
		jq -r '(.text | fromjson) as $event | .schema[] |
			"\($event.type // $event.event_type)/\(
			$event.version // $event.metadata.version) \(
			.path): \(.what)"' "$work/rejects" | LC_ALL=C sort |
			diff "$catalog/expected.txt" -
		must_equal "$(wc -l <"$catalog/expected.txt")" \
			"$(wc -l <"$work/events")"
	done
}

@test "an invalid sample is the valid one but for its data" {
	for kind in valid invalid; do
		cat ./*/*/samples/*."$kind.json" | jq -c 'del(.data)' \
			>"$work/$kind"
	done
	cmp "$work/valid" "$work/invalid"
}

# as_version_2 TYPE - the sample of its version 1, called version 2
as_version_2()
{
	sed 's/"version":"1"/"version":"2"/; s|/1","version|/2","version|' \
		"$1/samples/1.valid.json" >"$work/event"
}

@test "a version 2 that adds takes events of version 1" {
	for type in flextime/game.scheduled nixflow/ticket.created \
		pyairtable/user.registered \
		collective/embedding.generation.requested; do
		as_version_2 "$type"
		publish "${type%/*}" "$work/event"
		must_equal "$type $status $stderr" "$type 0 "
	done
}

@test "a version 2 that breaks refuses them" {
	for type in flextime/game.rescheduled nixflow/sla.breached \
		pyairtable/airtable.record.updated \
		collective/market.order.placed; do
		as_version_2 "$type"
		publish "${type%/*}" "$work/event" -v
		must_equal "$type $status" "$type 3"
		must_say 'is missing'
	done
}

@test "a field that is unknown is refused, but in collective" {
	for catalog in "${catalogs[@]}"; do
		cat "$catalog"/*/samples/*.valid.json |
			jq -c '.data.comment_to_self = 1' >"$work/events"
		publish "$catalog" "$work/events"
		case $catalog in
		collective) must_equal "$status" 0 ;;
		*)
			must_equal "$(wc -l <"$work/rejects")" \
				"$(wc -l <"$work/events")"
			;;
		esac
	done
}

@test "each schema asks for something" {
	for catalog in "${catalogs[@]}"; do
		cat "$catalog"/*/samples/*.valid.json | jq -c '.data = {}' \
			>"$work/events"
		publish "$catalog" "$work/events"
		must_equal "$(grep -c '/data: .* is missing' "$ERR")" \
			"$(wc -l <"$work/events")"
	done
}

@test "no event is of the file of shared definitions" {
	for catalog in "${catalogs[@]}"; do
		jq -c 'if .type then .type = "common"
			else .event_type = "common" end |
			if .dataschema
			then .dataschema |= sub("[^/]*/1$"; "common")
			else . end' \
			"$catalog"/*/samples/1.valid.json >"$work/events"
		publish "$catalog" "$work/events"
		must_equal "$(grep -c 'must not match' "$ERR")" \
			"$(wc -l <"$work/events")"
	done
}
