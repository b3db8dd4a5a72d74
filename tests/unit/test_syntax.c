#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/syntax.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void
assert_all(bool (*is)(const char *text, size_t len), bool want,
	   const char *const *text, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is(text[i], strlen(text[i])) != want)
			fail_msg("%s is %s", text[i],
				 want ? "refused" : "taken");
}

static void
uri_references_are_taken(void **state)
{
	static const char *const text[] = {
		/* RFC 3986, 1.1.2 */
		"ftp://ftp.is.co.za/rfc/rfc1808.txt",
		"http://www.ietf.org/rfc/rfc2396.txt",
		"ldap://[2001:db8::7]/c=GB?objectClass?one",
		"mailto:John.Doe@example.com",
		"news:comp.infosystems.www.servers.unix", "tel:+1-816-555-1212",
		"telnet://192.0.2.16:80/",
		"urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
		/* 5.4.1 */
		"g:h", "g", "./g", "g/", "/g", "//g", "?y", "g?y", "#s", "g#s",
		"g?y#s", ";x", "g;x", "g;x?y#s", "", ".", "./", "..", "../",
		"../g", "../..", "../../g",
		/* the parts one by one */
		"/orders/42", "a@b", "@", "./a:b", "a/b:c", "?a:b", "#a:b",
		"%41/b:", "x:", "x:?", "x:#", "x:/", "x://", "x:///a",
		"x://user:pass:word@host:80/a", "x://@host",
		"x://host:", "x://a%2Fb/", "x://!$&'()*+,;=", "x://h?a/b?c",
		"x://h#a/b?c", "x:a/b//c", "a+-.9:b", "/%C3%BC",
		"/-._~!$&'()*+,;=:@",
		/* IP literals */
		"//[::]", "//[::1]:1", "//[1:2:3:4:5:6:7:8]",
		"//[1:2:3:4:5:6:7::]", "//[::ffff:192.0.2.1]", "//[v1.a:b]",
		"//[vF.!]", "//u@[::]/a"
	};

	(void)state;
	assert_all(syntax_is_uri_reference, true, text, COUNT(text));
}

static void
what_is_no_uri_reference_is_refused(void **state)
{
	static const char *const text[] = {
		" ", "a b", "a\tb", "a\nb", "\x7f", "\xc3\xbc", "a\"b", "<a>",
		"a\\b", "a^b", "a`b", "{a}", "a|b", "[a]", "a[0]", "?[",
		/* percent-encoding */
		"%", "%4", "%4g", "%g4", "/a%", "x://%", "?%zz", "#%", "a%4",
		/* a colon that ends no scheme */
		":", ":a", "1:a", "1a:b", "a_b:c", "%41:b", "a@b:c", "-a:b",
		"a,b:c",
		/* fragments */
		"##", "a#b#c",
		/* authorities */
		"//a@b@c", "//h:8a", "//h:80:80", "//h:-1", "//[", "//[]",
		"//]", "//[::1", "//::1]", "//[::1]a", "//[1:2:3]",
		"//[1:2:3:4:5:6:7:8:9]", "//[12345::]", "//[::1::]",
		"//[1:2:3:4:5:6:7:8::]", "//[::256.1.1.1]", "//[::1.2.3]",
		"//[fe80::1%25eth0]", "//[1.2.3.4]", "//[v.a]", "//[v1.]",
		"//[vg.a]", "//[v1]", "//[v1.a/b]", "//[v1.%41]",
		"//[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"
	};

	(void)state;
	assert_all(syntax_is_uri_reference, false, text, COUNT(text));
	assert_false(syntax_is_uri_reference("a\0b", 3));
	assert_false(syntax_is_uri_reference("//[::1\0]", 8));
}

static void
only_the_length_given_is_looked_at(void **state)
{
	(void)state;
	assert_true(syntax_is_uri_reference("abc def", 3));
	assert_false(syntax_is_uri_reference("/a%41", 4));
	assert_false(syntax_is_uri_reference("//[::1]", 6));
	assert_true(syntax_is_base64("QUJD!", 4));
	assert_true(syntax_is_media_type("a/b; c", 3));
}

static void
absolute_uris_have_a_scheme_and_no_fragment(void **state)
{
	static const char *const good[] = { "https://example.com/s.json",
					    "urn:example:a", "a:", "a:?b",
					    "x-y.z+1:a" };
	static const char *const bad[] = { "",      "/a",   "a",  "//a/b", "?a",
					   "a:b#c", "a:b#", ":a", "1:a" };

	(void)state;
	assert_all(syntax_is_uri, true, good, COUNT(good));
	assert_all(syntax_is_uri, false, bad, COUNT(bad));
}

static void
media_types_are_taken(void **state)
{
	static const char *const text[] = { "application/json",
					    "text/plain",
					    "application/vnd.a+json",
					    "text/plain;charset=utf-8",
					    "text/plain; charset=utf-8",
					    "text/plain ;\tcharset=\"utf-8\"",
					    "a/b;c=d;e=f",
					    "a/b;c=\"\"",
					    "a/b;c=\";\\\"\\\\ \"",
					    "!#$%&'*+-.^_`{|}~/a" };

	(void)state;
	assert_all(syntax_is_media_type, true, text, COUNT(text));
}

static void
what_is_no_media_type_is_refused(void **state)
{
	static const char *const text[] = {
		"",           "json",         "/",
		"a/",         "/b",           "a/b/c",
		"a /b",       "a/ b",         " a/b",
		"a/b ",       "a/b;",         "a/b; ",
		"a/b;c",      "a/b;c=",       "a/b;=d",
		"a/b;c =d",   "a/b;c= d",     "a/b;c=\"d",
		"a/b;c=\"\\", "a/b;c=d e",    "a/b,c/d",
		"a/b;c=(d)",  "a/b;c=\"\n\"", "a/b;c=\"\\\n\"",
		"a/b;;c=d",   "\xc3\xbc/b",   "a/b;c=\"\xc3\xbc\""
	};

	(void)state;
	assert_all(syntax_is_media_type, false, text, COUNT(text));
}

static void
base64_is_padded_and_of_its_own_alphabet(void **state)
{
	static const char *const good[] = {
		"", "QQ==", "QUI=", "QUJD", "QUJDRA==", "+/+/", "azAZ09+/"
	};
	static const char *const bad[] = {
		"Q", "QQ",       "QUI",  "QUJDR", "QQ=",   "Q===", "====",
		"=", "QQ==QQ==", "Q=Q=", "QU_-",  "QU\nJ", "QU I", "QUJ\xc3"
	};

	(void)state;
	assert_all(syntax_is_base64, true, good, COUNT(good));
	assert_all(syntax_is_base64, false, bad, COUNT(bad));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uri_references_are_taken),
		cmocka_unit_test(what_is_no_uri_reference_is_refused),
		cmocka_unit_test(only_the_length_given_is_looked_at),
		cmocka_unit_test(absolute_uris_have_a_scheme_and_no_fragment),
		cmocka_unit_test(media_types_are_taken),
		cmocka_unit_test(what_is_no_media_type_is_refused),
		cmocka_unit_test(base64_is_padded_and_of_its_own_alphabet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
