# trim.sh - evtrim beside a bare XTRIM and evtail; part of bench.sh
# shellcheck shell=bash disable=SC2154,SC2317,SC2329

# A copy of the events, with a group that has read and acknowledged all.
trim_fill() {
	redis copy ev trim replace >/dev/null
	redis xgroup create trim done '$' >/dev/null
}

trim_evtrim() {
	trim_fill
	measure evtrim "$build/evtrim" -y --no-audit --maxlen 0 trim
}

trim_bare() {
	trim_fill
	measure bare_xtrim "$client" -s "$work/sock" xtrim trim maxlen 0
}

trim_archive() {
	trim_fill
	rm -f "$work/archive"
	measure evtrim_archive "$build/evtrim" -y --no-audit --maxlen 0 \
		--archive "$work/archive" trim
	is_missing "$build/evtrim" || cmp -s "$work/archive" "$work/records" || {
		echo "bench: evtrim --archive: other records than evtail's" >&2
		failed=1
	}
}

trim_evtail() {
	measure evtail_records "$build/evtail" -m -n all trim
}

# The longest that the server was at one command, in ms, by its slow log.
trim_longest() {
	redis --json slowlog get 1000 |
		"$jq" -r '[.[][2]] | (max // 0) / 1000 * 10 | ceil / 10'
}

bench_trim() {
	local ms

	trim_fill
	"$build/evtail" -m -n all trim >"$work/records"
	take_turns trim_bare trim_evtrim trim_archive
	trim_fill
	take_turns trim_evtail
	section 'trim' this other 'ratio (rounds, best)'
	speed_row 'evtrim : bare XTRIM' evtrim bare_xtrim "$events" 0.50
	speed_row 'evtrim --archive : evtail -m' evtrim_archive \
		evtail_records "$events" 0.70
	trim_fill
	redis config set slowlog-log-slower-than 1000 >/dev/null
	redis slowlog reset >/dev/null
	"$build/evtrim" -y --no-audit --maxlen 0 trim >/dev/null
	ms=$(trim_longest)
	redis config set slowlog-log-slower-than 10000 >/dev/null
	row 'evtrim, longest slice' "$ms ms" - - '<= 10 ms' \
		"$(verdict "$ms" at-most 10)"
	redis del trim >/dev/null
}
