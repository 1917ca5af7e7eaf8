package tier

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"tierwall.dev/fn/internal/manifest"
	"tierwall.dev/fn/internal/report"
)

// decoder reads the fields of one document strictly and gathers everything that is wrong with it.
type decoder struct {
	object   *manifest.Object
	findings report.Findings
}

// bad adds a finding about a field.
func (d *decoder) bad(id report.ID, field, format string, args ...any) {
	d.findings = append(d.findings, report.Finding{
		ID: id, Severity: report.Error, Object: d.object.Ref(), File: d.object.Source.File, Index: d.object.Source.Index,
		Field: field, Message: fmt.Sprintf(format, args...),
	})
}

// mapping checks that the field is a mapping with no other keys than the known ones. False where there is nothing to read.
func (d *decoder) mapping(f manifest.Field, known []string) bool {
	if !f.Present() {
		return false
	}
	if f.Node().Kind != yaml.MappingNode {
		d.wrongType(f, "a mapping")
		return false
	}
	seen := map[string]bool{}
	for _, key := range f.Keys() {
		at := f.At(key)
		switch {
		case seen[key]:
			d.bad(configDuplicate, at.Path, "is given twice")
		case !slices.Contains(known, key):
			d.bad(configUnknownField, at.Path, "is no known field; known are %s%s", strings.Join(known, ", "), didYouMean(key, known))
		}
		seen[key] = true
	}
	return true
}

func (d *decoder) wrongType(f manifest.Field, want string) {
	d.bad(configWrongType, f.Path, "must be %s; got %s", want, describe(f))
}

// describe says what a field holds, for a message.
func describe(f manifest.Field) string {
	n := f.Node()
	if n == nil {
		return "nothing"
	}
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return fmt.Sprintf("the string %q", n.Value)
	case "!!null":
		return "null"
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the boolean " + n.Value
	}
	return fmt.Sprintf("%q", n.Value)
}

// list are the items of a list; none where the field is absent or, which is a finding, something else.
func (d *decoder) list(f manifest.Field) []manifest.Field {
	if !f.Present() {
		return nil
	}
	if f.Node().Kind != yaml.SequenceNode {
		d.wrongType(f, "a list")
		return nil
	}
	return f.Items()
}

// text is a string; empty where the field is absent or, which is a finding, something else or empty.
func (d *decoder) text(f manifest.Field) string {
	if !f.Present() {
		return ""
	}
	if f.Node().Kind != yaml.ScalarNode || f.Node().ShortTag() != "!!str" {
		d.wrongType(f, "a string")
		return ""
	}
	if f.Node().Value == "" {
		d.bad(configMissing, f.Path, "is empty; leave it out, or give a value")
	}
	return f.Node().Value
}

// required is text, and a finding where the field is absent.
func (d *decoder) required(f manifest.Field, what string) string {
	if !f.Present() {
		d.bad(configMissing, f.Path, "is missing; give %s", what)
		return ""
	}
	return d.text(f)
}

// texts are the strings of a list, without repetitions; check says what is wrong with one.
func (d *decoder) texts(f manifest.Field, check func(string) string) []string {
	var out []string
	for _, item := range d.list(f) {
		if !item.Present() {
			d.wrongType(item, "a string")
			continue
		}
		s := d.text(item)
		if s == "" {
			continue
		}
		if slices.Contains(out, s) {
			d.bad(configDuplicate, item.Path, "%q is given twice", s)
			continue
		}
		d.check(item, s, check)
		out = append(out, s)
	}
	return out
}

// check adds what check says is wrong with a value that is not empty.
func (d *decoder) check(f manifest.Field, value string, check func(string) string) {
	if value == "" {
		return
	}
	if wrong := check(value); wrong != "" {
		d.bad(configBadValue, f.Path, "%s", wrong)
	}
}

// notEmpty adds a finding for a list that is there but empty.
func (d *decoder) notEmpty(f manifest.Field, what string) {
	if f.Present() && f.Node().Kind == yaml.SequenceNode && len(f.Items()) == 0 {
		d.bad(configMissing, f.Path, "is empty; leave it out, or give %s", what)
	}
}

// enum reads one of the allowed values of T.
func enum[T ~string](d *decoder, f manifest.Field) T {
	s := d.text(f)
	values := allowed[reflect.TypeFor[T]().Name()]
	if s == "" || slices.Contains(values, s) {
		return T(s)
	}
	d.bad(configBadValue, f.Path, "must be %s; got %q%s", oneOf(values), s, didYouMean(s, values))
	return ""
}

// fieldNames are the names of the fields that the configuration's type T has.
func fieldNames[T any]() []string {
	t := reflect.TypeFor[T]()
	var out []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			out = append(out, name)
		}
	}
	return out
}

func checkDNSLabel(s string) string {
	if len(validation.IsDNS1123Label(s)) > 0 {
		return fmt.Sprintf("%q is no DNS label: at most 63 lower case letters, digits and hyphens, a letter or digit at both ends", s)
	}
	return ""
}

func checkLabelValue(s string) string {
	if len(validation.IsValidLabelValue(s)) > 0 {
		return fmt.Sprintf("%q is no label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends", s)
	}
	return ""
}

func checkLabelKey(s string) string {
	if len(validation.IsQualifiedName(s)) > 0 {
		return fmt.Sprintf("%q is no label key: a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS prefix and '/' before it", s)
	}
	return ""
}
