package discovery

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComments(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"x.conf", "# a\nb # c\n  #d\ne\n", "\nb\n\ne\n"},
		{"x.conf", "url=http://a/#b\n${A#B}\n", "url=http://a/#b\n${A#B}\n"},
		{"x.js", "// a\nb // c\nurl('http://d')\n * e\n", "\nb\nurl('http://d')\n\n"},
		{"x.sql", "-- a\nb -- c\n", "\nb -- c\n"},
		{"x.sh", "run \\\n  --host db # x\n", "run \\\n  --host db\n"},
		{"x.xml", "<!-- a -->\n<b/>\n", "\n<b/>\n"},
		{"x.properties", "! a\nb=c\n; d\n", "\nb=c\n\n"},
		{"x.hcl", "# a\nb // c\n", "\nb\n"},
	} {
		t.Run(c.key, func(t *testing.T) {
			if diff := cmp.Diff(c.want, withoutComments(c.text, commentsOf(c.key))); diff != "" {
				t.Errorf("text without comments (-want +got):\n%s", diff)
			}
		})
	}
}
