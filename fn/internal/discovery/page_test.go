package discovery

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exampleRow is an example of docs/evidence.md: a variable as written, and what it is read as.
var exampleRow = regexp.MustCompile("(?m)^\\| `([^`=]+)=([^`]+)` \\| (.+) \\|$")

// The examples of docs/evidence.md are read as it says.
func TestEvidencePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := parse("services.yaml", []byte(addressServices))
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{}
	for _, o := range objects {
		r.object(o, 0)
	}
	book := newAddressBook(r.services)
	rows := exampleRow.FindAllStringSubmatch(string(page), -1)
	if len(rows) == 0 {
		t.Fatal("docs/evidence.md has no examples")
	}
	for _, row := range rows {
		key, text, want := row[1], row[2], row[3]
		var found []string
		book.scan(passage{scope: "shop", key: key, text: text, outside: outsideValue}, func(a address) {
			name := "host " + a.host
			if a.to != nil {
				name = strings.TrimSuffix(a.to.Name+"."+a.to.Namespace, ".shop")
			}
			if a.port != 0 {
				name += fmt.Sprintf(":%d", a.port)
			}
			found = append(found, name)
		})
		if len(found) == 0 {
			found = []string{"nothing"}
		}
		if diff := cmp.Diff(want, strings.Join(found, " ")); diff != "" {
			t.Errorf("%s=%s (-page +read):\n%s", key, text, diff)
		}
	}
}
