# The catalogs of event types in examples/catalogs: their schemas are schemas,
# their samples are what they say.

load helper

setup()
{
	cd "$EV_TOP/examples/catalogs" || return
	PATH=$BUILD/conformance:$PATH
}

# schemas [CATALOG] - the types and versions, as CATALOG/TYPE/VERSION
schemas()
{
	local file
	for file in ./*/*/[0-9]*.json; do
		file=${file#./}
		[[ $file != "${1-}"* ]] || echo "${file%.json}"
	done
}

# check_event SCHEMA FILE - what FILE's event breaks of SCHEMA, formats asserted
check_event()
{
	local catalog=${1%%/*}
	schema_check --formats \
		--map "https://$catalog.example/events/=$catalog" \
		"$1.json" <"$2"
}

# has_types CATALOG TYPE... - it has these, in version 1
has_types()
{
	local catalog=$1 type
	shift
	for type; do
		if [ ! -f "$catalog/$type/1.json" ]; then
			echo "$catalog has no $type" >&2
			return 1
		fi
	done
}

# at_least CATALOG COUNT - it has so many types
at_least()
{
	local types=("$1"/*/1.json)
	[ ${#types[@]} -ge "$2" ] || fail "$1 has ${#types[@]} types"
}

fail()
{
	echo "$*" >&2
	return 1
}

# silent COMMAND... - it succeeds and prints nothing
silent()
{
	run "$@"
	[ "$status$output" = 0 ] || fail "$output"
}

@test "flextime has the types of a scheduling system" {
	has_types flextime \
		schedule.{created,updated,published,deleted,optimized} \
		game.{scheduled,rescheduled,cancelled} \
		optimization.{started,progress,completed,failed} \
		compass.training.{started,completed} \
		compass.prediction.{requested,completed} \
		system.service.{started,stopped} system.health.failed \
		notification.{required,sent} \
		constraint.{added,violated,resolved}
}

@test "a schema's \$id and title are its place in the catalog" {
	# shellcheck disable=SC2016 # jq's
	silent jq -r '(input_filename | capture(
			"^\\./(?<catalog>[^/]+)/(?<rest>(?<type>[^/]+)/.+)$")) as $at |
		select(."$id" != "https://\($at.catalog).example/events/\($at.rest)"
			or .title != $at.type or .description == null) |
		input_filename' ./*/*/[0-9]*.json
}

@test "files are laid out as jq does it" {
	local file
	for file in ./*/common.json ./*/*/[0-9]*.json; do
		jq . "$file" | cmp - "$file"
	done
	for file in ./*/*/samples/*.json; do
		jq -c . "$file" | cmp - "$file"
	done
}

@test "each version of a type has a valid and an invalid sample, and no more" {
	local schema
	while read -r schema; do
		for kind in valid invalid; do
			echo "${schema%/*}/samples/${schema##*/}.$kind.json"
		done
	done < <(schemas) | sort >"$BATS_TEST_TMPDIR/want"
	printf '%s\n' ./*/*/samples/* | cut -c 3- | sort |
		diff "$BATS_TEST_TMPDIR/want" -
}

@test "a sample's type and version are those of its schema" {
	# shellcheck disable=SC2016 # jq's
	silent jq -r '(input_filename | capture(
			"/(?<type>[^/]+)/samples/(?<version>[0-9]+)\\.")) as $at |
		select((.type // .event_type) != $at.type or
			(.version // .metadata.version) != $at.version) |
		input_filename' ./*/*/samples/*.json
}

@test "all samples have valid envelopes" {
	cat ./*/*/samples/*.json >"$BATS_TEST_TMPDIR/all"
	must_exit 0 sh -c 'evpub --dry-run samples <"$1"' - \
		"$BATS_TEST_TMPDIR/all"
}

@test "valid samples keep their schemas" {
	local schema
	while read -r schema; do
		silent check_event "$schema" \
			"${schema%/*}/samples/${schema##*/}.valid.json"
	done < <(schemas)
}

@test "invalid samples break one thing, which is said" {
	local schema catalog
	for catalog in *; do
		[ -d "$catalog" ] || continue
		while read -r schema; do
			run check_event "$schema" \
				"${schema%/*}/samples/${schema##*/}.invalid.json"
			echo "${schema#*/} $output"
			[ "$status" -eq 1 ] || echo "exit status $status"
		done < <(schemas "$catalog") | LC_ALL=C sort |
			diff "$catalog/expected.txt" -
	done
}

@test "an invalid sample is the valid one but for its data" {
	local valid
	for valid in ./*/*/samples/*.valid.json; do
		jq -e -s 'map(del(.data)) | .[0] == .[1]' "$valid" \
			"${valid/.valid/.invalid}" >/dev/null ||
			fail "$valid: the envelopes differ"
	done
}

@test "no event is of the file of shared definitions" {
	local common
	for common in */common.json; do
		run check_event "${common%.json}" /dev/stdin <<<'{"data":{}}'
		must_equal "$status" 1
	done
}
