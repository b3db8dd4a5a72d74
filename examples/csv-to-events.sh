#!/bin/sh
# csv-to-events.sh TYPE STREAM - publish the rows of a CSV file as events
#
# Reads CSV (RFC 4180) from standard input.  The first row names the columns;
# each further row becomes the data of a CloudEvent of TYPE, an object with the
# columns as members.  A field that is a number as JSON writes it stays one,
# digit for digit; everything else is a string.
#
#     examples/csv-to-events.sh customer.imported customers <customers.csv
#
# The exit status is evpub's.  Rows with more or fewer fields than columns are
# reported and left out; then the status is at least 3.
set -u

if [ $# -ne 2 ]; then
	echo 'usage: csv-to-events.sh TYPE STREAM <FILE.csv' >&2
	exit 2
fi
skipped=$(mktemp) || exit 5
trap 'rm -f "$skipped"' EXIT
trap 'exit 1' HUP INT TERM

LC_ALL=C awk -v skipped="$skipped" '
function replace(text, from, to,    at, done)
{
	while ((at = index(text, from)) != 0) {
		done = done substr(text, 1, at - 1) to
		text = substr(text, at + length(from))
	}
	return done text
}

function quoted(text)
{
	text = replace(text, "\\", "\\\\")
	text = replace(text, "\"", "\\\"")
	text = replace(text, "\n", "\\n")
	text = replace(text, "\r", "\\r")
	text = replace(text, "\t", "\\t")
	return "\"" text "\""
}

function json(text)
{
	if (text ~ /^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$/)
		return text
	return quoted(text)
}

# Take a field, quoted or not, from the front of row.
function take_field(    at, field)
{
	if (substr(row, 1, 1) != "\"") {
		at = index(row, ",")
		field = at ? substr(row, 1, at - 1) : row
		row = at ? substr(row, at) : ""
		return field
	}
	row = substr(row, 2)
	while ((at = index(row, "\"")) != 0) {
		field = field substr(row, 1, at - 1)
		row = substr(row, at + 1)
		if (substr(row, 1, 1) != "\"")
			break
		field = field "\""
		row = substr(row, 2)
	}
	return field
}

NR == 1 { sub(/^\357\273\277/, "") }

# A row whose quotes are open goes on in the next line.
{
	row = open ? row "\n" $0 : $0
	text = row
	open = gsub(/"/, "", text) % 2
	if (open)
		next
	sub(/\r$/, "", row)
	if (row == "")
		next
	count = 0
	members = ""
	do {
		field = take_field()
		count++
		if (!columns)
			name[count] = quoted(field)
		else if (count <= columns)
			members = members (count > 1 ? "," : "") \
				name[count] ":" json(field)
		more = substr(row, 1, 1) == ","
		row = substr(row, 2)
	} while (more)
	if (!columns) {
		columns = count
	} else if (count == columns) {
		print "{" members "}"
	} else {
		print "csv-to-events: line " NR ": " count \
			" fields, not " columns >"/dev/stderr"
		print NR >skipped
	}
}

END {
	if (open) {
		print "csv-to-events: a quote is open at the end" >"/dev/stderr"
		print NR >skipped
	}
}' | evpub -t "$1" "$2"
status=$?
if [ $status -eq 0 ] && [ -s "$skipped" ]; then
	status=3
fi
exit $status
