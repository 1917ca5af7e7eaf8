package report

import (
	"encoding/xml"
	"io"
)

// JUnit's XML has no owner. This is what the strictest reader takes, the schema junit-10.xsd of Jenkins' xUnit plugin: a
// suite for each environment, a case for each finding. Errors are always 0, and required.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	ClassName string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	Failure   *junitFailure `xml:"failure"`
	Output    string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    ID     `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (r *Report) writeJUnit(w io.Writer) error {
	out := junitSuites{Name: "tierwall"}
	add := func(name, title string, findings Findings) {
		s := junitSuite{Name: title}
		for _, f := range findings.Sorted() {
			c := junitCase{ClassName: "tierwall." + name, Name: string(f.ID) + ": " + f.text()}
			if f.Severity == Error {
				c.Failure = &junitFailure{f.ID, f.Message, f.String()}
				s.Failures++
			} else {
				c.Output = string(f.Severity) + ": " + f.String()
			}
			s.Cases = append(s.Cases, c)
		}
		if len(s.Cases) == 0 || name != "input" && s.Failures == 0 {
			s.Cases = append([]junitCase{{ClassName: "tierwall." + name, Name: "the policies open exactly the connections that are meant"}}, s.Cases...)
		}
		s.Tests = len(s.Cases)
		out.Tests += s.Tests
		out.Failures += s.Failures
		out.Suites = append(out.Suites, s)
	}
	if len(r.Findings) > 0 {
		add("input", "the input", r.Findings)
	}
	for _, e := range r.Environments {
		name := e.Name
		if name == "" {
			name = "environment"
		}
		add(name, e.Title(), e.Findings)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
