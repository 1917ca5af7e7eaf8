package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
)

// junitRules are those of junit-10.xsd, of Jenkins' xUnit plugin, for the elements that the writer knows: the attributes
// that an element may have, those that it must have, the elements that it may hold, and whether it holds text.
var junitRules = map[string]struct {
	may, must, holds []string
	text             bool
}{
	"":           {holds: []string{"testsuites", "testsuite"}},
	"testsuites": {may: []string{"name", "time", "tests", "failures", "errors"}, holds: []string{"testsuite"}},
	"testsuite": {
		may:   []string{"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
		must:  []string{"name", "tests", "failures", "errors"},
		holds: []string{"testsuite", "properties", "testcase", "system-out", "system-err"},
	},
	"testcase": {
		may: []string{"name", "time", "classname", "group"}, must: []string{"name"},
		holds: []string{"skipped", "error", "failure", "system-out", "system-err"},
	},
	"failure":    {may: []string{"type", "message"}, text: true},
	"system-out": {text: true},
}

// junitFault is the first rule that the document breaks.
func junitFault(document []byte) error {
	d := xml.NewDecoder(bytes.NewReader(document))
	open := []string{""}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		inside := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if !slices.Contains(junitRules[inside].holds, token.Name.Local) {
				return fmt.Errorf("<%s> may not hold <%s>", inside, token.Name.Local)
			}
			if err := junitAttributeFault(token); err != nil {
				return err
			}
			open = append(open, token.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if text := bytes.TrimSpace(token); len(text) > 0 && !junitRules[inside].text {
				return fmt.Errorf("<%s> may not hold text: %s", inside, text)
			}
		}
	}
}

func junitAttributeFault(e xml.StartElement) error {
	rules, known := junitRules[e.Name.Local]
	if !known {
		return fmt.Errorf("<%s> has no rules", e.Name.Local)
	}
	var has []string
	for _, a := range e.Attr {
		if !slices.Contains(rules.may, a.Name.Local) {
			return fmt.Errorf("<%s> may not have %s", e.Name.Local, a.Name.Local)
		}
		has = append(has, a.Name.Local)
	}
	for _, name := range rules.must {
		if !slices.Contains(has, name) {
			return fmt.Errorf("<%s> has no %s", e.Name.Local, name)
		}
	}
	return nil
}

func TestJUnitFollowsItsRules(t *testing.T) {
	for _, r := range []*Report{sample(), {}, {Environments: []Environment{{}}}} {
		var b bytes.Buffer
		if err := r.Write(&b, JUnit); err != nil {
			t.Fatal(err)
		}
		if err := junitFault(b.Bytes()); err != nil {
			t.Errorf("%v\n%s", err, b.Bytes())
		}
	}
	text, err := os.ReadFile("testdata/sample.junit")
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range []struct{ from, to, want string }{
		{` errors="0">` + "\n    <testcase", `>` + "\n    <testcase", "<testsuite> has no errors"},
		{`<testcase classname`, `<testcase file`, "<testcase> may not have file"},
		{`<failure `, `</testcase><failure `, "<testsuite> may not hold <failure>"},
	} {
		if err := junitFault(bytes.Replace(text, []byte(edit.from), []byte(edit.to), 1)); err == nil || err.Error() != edit.want {
			t.Errorf("%s: found %v, want %s", edit.to, err, edit.want)
		}
	}
}
