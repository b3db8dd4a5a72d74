#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_state.h"

/*
 * Patterns are ECMA-262's, which PCRE2 nearly speaks.  What it is told or given
 * in other words:
 *
 *     $           the very end, not before a last line feed
 *     \uXXXX      a code unit; a pair of surrogates one character
 *     [] and [^]  nothing and anything
 *     \d \w       ASCII, as PCRE2 has them without Unicode properties
 *     \s          with the blanks of Unicode, as ECMA-262 has it
 *     \p{Letter}  the long names of general categories
 *     \cj         control characters in lower case, too
 *     \v          the vertical tab
 *     .           not a carriage return, nor U+2028 and U+2029
 *
 * Look-behinds of variable length are errors when the pattern is loaded. */

/*
 * How often a match may turn back.  PCRE2 counts anew at each place where it
 * starts, so that a pattern without ^ has a share of the limit at each.  Nearly
 * all matches are easy; a hard one is begun again with the greater limit, and is
 * charged for.
 */
enum {
	EASY_LIMIT = 1000, /* with one place to start, */
	EASY_SHARE = 100,  /* at each of many */
	HARD_LIMIT = 1000000,
	HARD_TOTAL = 20000000,
	HARD_STEPS = 200000,
	HEAP_KIB = 4096,
	PATTERN_MAX = 65536,
	NAME_MAX_LEN = 64 /* of a property of characters */
};

struct schema_pattern {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	bool anchored;
};

/* Unicode's long names of general categories, which PCRE2 knows as short ones. */
static const char *const categories[][2] = {
	{ "Letter", "L" },
	{ "Cased_Letter", "L&" },
	{ "Uppercase_Letter", "Lu" },
	{ "Lowercase_Letter", "Ll" },
	{ "Titlecase_Letter", "Lt" },
	{ "Modifier_Letter", "Lm" },
	{ "Other_Letter", "Lo" },
	{ "Mark", "M" },
	{ "Nonspacing_Mark", "Mn" },
	{ "Spacing_Mark", "Mc" },
	{ "Enclosing_Mark", "Me" },
	{ "Number", "N" },
	{ "Decimal_Number", "Nd" },
	{ "digit", "Nd" },
	{ "Letter_Number", "Nl" },
	{ "Other_Number", "No" },
	{ "Punctuation", "P" },
	{ "punct", "P" },
	{ "Connector_Punctuation", "Pc" },
	{ "Dash_Punctuation", "Pd" },
	{ "Open_Punctuation", "Ps" },
	{ "Close_Punctuation", "Pe" },
	{ "Initial_Punctuation", "Pi" },
	{ "Final_Punctuation", "Pf" },
	{ "Other_Punctuation", "Po" },
	{ "Symbol", "S" },
	{ "Math_Symbol", "Sm" },
	{ "Currency_Symbol", "Sc" },
	{ "Modifier_Symbol", "Sk" },
	{ "Other_Symbol", "So" },
	{ "Separator", "Z" },
	{ "Space_Separator", "Zs" },
	{ "Line_Separator", "Zl" },
	{ "Paragraph_Separator", "Zp" },
	{ "Other", "C" },
	{ "Control", "Cc" },
	{ "Format", "Cf" },
	{ "Private_Use", "Co" },
	{ "Unassigned", "Cn" },
};

/* Blanks of ECMA-262 beyond those of \s in ASCII: WhiteSpace, LineTerminator. */
#define BLANKS                                                           \
	"\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
	"\\x{205f}\\x{3000}\\x{feff}"

/* What the dot is: all but LineTerminator. */
#define ANY "[^\\n\\r\\x{2028}\\x{2029}]"

static const char *
add_category(struct buf *out, const char *at, const char *end)
{
	const char *name = at + 3, *close, *equals;
	size_t i, len;

	close = end - at > 3 && at[2] == '{'
			? memchr(name, '}',
				 (size_t)(end - name < NAME_MAX_LEN
						  ? end - name
						  : NAME_MAX_LEN))
			: NULL;
	if (close == NULL) {
		buf_add(out, at, 2);
		return at + 2;
	}
	equals = memchr(name, '=', (size_t)(close - name));
	if (equals != NULL) /* General_Category=Letter, Script=Greek */
		name = equals + 1;
	len = (size_t)(close - name);
	buf_add(out, at, 3);
	for (i = 0; i < sizeof(categories) / sizeof(*categories); i++)
		if (strlen(categories[i][0]) == len &&
		    memcmp(categories[i][0], name, len) == 0)
			break;
	if (i < sizeof(categories) / sizeof(*categories))
		buf_adds(out, categories[i][1]);
	else
		buf_add(out, name, len);
	buf_addc(out, '}');
	return close + 1;
}

/* The number of \uXXXX at `at`, or -1. */
static int
hex4(const char *at, const char *end)
{
	char digits[5] = { 0 };

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	memcpy(digits, at + 2, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	return (int)strtol(digits, NULL, 16);
}

/* \uXXXX, or two that are a pair of surrogates. */
static const char *
add_unicode(struct buf *out, const char *at, const char *end)
{
	int high = hex4(at, end), low = high < 0 ? -1 : hex4(at + 6, end);

	if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
		buf_addf(out, "\\x{%x}",
			 0x10000u + ((unsigned)(high - 0xd800) << 10) +
				 (unsigned)(low - 0xdc00));
		return at + 12;
	}
	if (high >= 0) {
		buf_addf(out, "\\x{%x}", (unsigned)high);
		return at + 6;
	}
	/* \u{X…} */
	buf_adds(out, end - at > 3 && at[2] == '{' ? "\\x" : "\\u");
	return at + 2;
}

static bool
is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static const char *
add_escape(struct buf *out, const char *at, const char *end, bool in_class)
{
	if (end - at < 2) {
		buf_addc(out, '\\');
		return end;
	}
	switch (at[1]) {
	case 'p':
	case 'P':
		return add_category(out, at, end);
	case 'u':
		return add_unicode(out, at, end);
	case 's':
		buf_adds(out, in_class ? "\\s" BLANKS : "[\\s" BLANKS "]");
		return at + 2;
	case 'S':
		buf_adds(out, in_class ? "\\S" : "[^\\s" BLANKS "]");
		return at + 2;
	case 'c':
		if (end - at < 3)
			break;
		buf_addf(out, "\\x{%x}", (unsigned)at[2] & 31);
		return at + 3;
	case 'v': /* more than one character to PCRE2 */
		buf_adds(out, "\\x{0b}");
		return at + 2;
	default:
		break;
	}
	/* Letters that ECMA-262 gives no meaning, as PCRE2 does to some. */
	if (is_letter(at[1]) && strchr("dDwWbBfnrtxk", at[1]) == NULL) {
		buf_adds(out, "\\y");
		return at + 2;
	}
	buf_add(out, at, 2);
	return at + 2;
}

/* What begins here is no (?… and no verb (*…, or one of ECMA-262. */
static bool
is_group(const char *at, const char *end)
{
	if (end - at >= 2 && at[0] == '(' && at[1] == '*')
		return false;
	if (end - at < 3 || at[0] != '(' || at[1] != '?')
		return true;
	return strchr(":=!<", at[2]) != NULL;
}

/* Append the pattern as PCRE2 takes it.  Returns NULL, or what is wrong. */
static const char *
translate(struct buf *out, const char *at, size_t len)
{
	const char *end = at + len;
	bool in_class = false;

	if (len > PATTERN_MAX)
		return "longer than 65536 bytes";
	while (at < end) {
		if (*at == '\\') {
			at = add_escape(out, at, end, in_class);
			continue;
		}
		if (!in_class && !is_group(at, end))
			return "a group that ECMA-262 does not have";
		if (*at == '.' && !in_class) {
			buf_adds(out, ANY);
			at++;
			continue;
		}
		if (*at == '[' && in_class)
			buf_addc(out, '\\'); /* no class within a class */
		else if (*at == '[')
			in_class = true;
		else if (*at == ']')
			in_class = false;
		buf_addc(out, *at++);
	}
	return NULL;
}

/* The code of a pattern, or NULL with error set. */
static pcre2_code *
compile(const char *text, size_t len, char *error, size_t size)
{
	struct buf ours = { 0 };
	PCRE2_UCHAR why[128];
	pcre2_code *code = NULL;
	size_t at;
	const char *wrong = translate(&ours, text, len);
	int number;

	if (wrong == NULL) {
		code = pcre2_compile((PCRE2_SPTR)buf_text(&ours), ours.len,
				     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY |
					     PCRE2_ALLOW_EMPTY_CLASS |
					     PCRE2_MATCH_UNSET_BACKREF |
					     PCRE2_NEVER_BACKSLASH_C |
					     PCRE2_NO_UTF_CHECK,
				     &number, &at, NULL);
		if (code == NULL) {
			pcre2_get_error_message(number, why, sizeof(why));
			wrong = (const char *)why;
		}
	}
	if (wrong != NULL)
		snprintf(error, size, "%s", wrong);
	buf_release(&ours);
	return code;
}

bool
schema_pattern_is_valid(const char *text, size_t len)
{
	char error[128];
	pcre2_code *code = compile(text, len, error, sizeof(error));

	pcre2_code_free(code);
	return code != NULL;
}

struct schema_pattern *
schema_pattern_compile(const char *text, size_t len, char *error, size_t size)
{
	struct schema_pattern *p;
	pcre2_code *code = compile(text, len, error, size);
	uint32_t options = 0;

	if (code == NULL)
		return NULL;
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* else slower */
	(void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	p = xcalloc(1, sizeof(*p));
	p->code = code;
	p->anchored = (options & PCRE2_ANCHORED) != 0;
	p->match = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (p->match == NULL || p->context == NULL) {
		schema_pattern_free(p);
		snprintf(error, size, "out of memory");
		return NULL;
	}
	pcre2_set_heap_limit(p->context, HEAP_KIB);
	return p;
}

static int
match(const struct schema_pattern *p, const char *text, size_t len,
      uint32_t limit)
{
	int rc;

	pcre2_set_match_limit(p->context, limit);
	rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK,
			 p->match, p->context);
	/* What the stack of the machine code is too small for, the heap may not
	 * be. */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0,
				 PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, p->match,
				 p->context);
	return rc;
}

int
schema_pattern_match(const struct schema_pattern *p, const char *text,
		     size_t len, size_t *steps)
{
	size_t share = HARD_TOTAL / (len + 1);
	int rc = match(p, text, len, p->anchored ? EASY_LIMIT : EASY_SHARE);

	*steps += 1 + len / 16;
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
		if (share < EASY_SHARE)
			share = EASY_SHARE;
		if (p->anchored || share > HARD_LIMIT)
			share = HARD_LIMIT;
		*steps += HARD_STEPS;
		rc = match(p, text, len, (uint32_t)share);
	}
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	return rc < 0 ? -1 : 1;
}

void
schema_pattern_free(struct schema_pattern *p)
{
	if (p == NULL)
		return;
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->match);
	pcre2_code_free(p->code);
	free(p);
}
