package tier

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// validator knows as much of draft-07 as our schema uses; a keyword that it does not know fails the test.
type validator struct {
	t    *testing.T
	root map[string]any
}

// wrong is what is wrong with the value, empty if nothing is.
func (v *validator) wrong(schema map[string]any, value any, at string) string {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		if w := v.keyword(keyword, schema[keyword], schema, value, at); w != "" {
			return w
		}
	}
	return ""
}

func (v *validator) keyword(keyword string, arg any, schema map[string]any, value any, at string) string {
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	text, isText := value.(string)
	number, isNumber := value.(float64)
	fail := func(ok bool) string {
		if ok {
			return ""
		}
		return fmt.Sprintf("%s: %s %v", at, keyword, arg)
	}
	switch keyword {
	case "$schema", "title", "description", "definitions":
		return ""
	case "$ref":
		name := strings.TrimPrefix(arg.(string), "#/definitions/")
		return v.wrong(v.root["definitions"].(map[string]any)[name].(map[string]any), value, at)
	case "type":
		got := map[string]bool{"object": isObject, "array": isList, "string": isText, "integer": isNumber && number == float64(int64(number))}
		return fail(got[arg.(string)])
	case "const":
		return fail(value == arg)
	case "enum":
		return fail(slices.Contains(arg.([]any), value))
	case "minLength":
		return fail(!isText || len(text) >= int(arg.(float64)))
	case "maxLength":
		return fail(!isText || len(text) <= int(arg.(float64)))
	case "pattern":
		return fail(!isText || regexp.MustCompile(arg.(string)).MatchString(text))
	case "minimum":
		return fail(!isNumber || number >= arg.(float64))
	case "maximum":
		return fail(!isNumber || number <= arg.(float64))
	case "minProperties":
		return fail(!isObject || len(object) >= int(arg.(float64)))
	case "minItems":
		return fail(!isList || len(list) >= int(arg.(float64)))
	case "uniqueItems":
		seen := map[any]bool{}
		for _, item := range list {
			if seen[item] {
				return fail(false)
			}
			seen[item] = true
		}
		return ""
	case "items":
		for i, item := range list {
			if w := v.wrong(arg.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); w != "" {
				return w
			}
		}
		return ""
	case "required":
		for _, name := range arg.([]any) {
			if _, ok := object[name.(string)]; isObject && !ok {
				return fail(false)
			}
		}
		return ""
	case "dependencies":
		for name, needs := range arg.(map[string]any) {
			_, has := object[name]
			if has && v.keyword("required", needs, schema, value, at) != "" {
				return fail(false)
			}
		}
		return ""
	case "properties":
		for name, sub := range arg.(map[string]any) {
			if item, ok := object[name]; ok {
				if w := v.wrong(sub.(map[string]any), item, at+"."+name); w != "" {
					return w
				}
			}
		}
		return ""
	case "additionalProperties":
		properties, _ := schema["properties"].(map[string]any)
		for name, item := range object {
			if _, known := properties[name]; known {
				continue
			}
			sub, any := arg.(map[string]any)
			if !any {
				return fail(false)
			}
			if w := v.wrong(sub, item, at+"."+name); w != "" {
				return w
			}
		}
		return ""
	case "allOf", "anyOf", "oneOf":
		return v.combined(keyword, arg.([]any), value, at)
	}
	v.t.Fatalf("the validator does not know the keyword %q", keyword)
	return ""
}

func (v *validator) combined(keyword string, subs []any, value any, at string) string {
	var wrongs []string
	for _, sub := range subs {
		if w := v.wrong(sub.(map[string]any), value, at); w != "" {
			wrongs = append(wrongs, w)
		}
	}
	right := len(subs) - len(wrongs)
	if keyword == "allOf" && len(wrongs) == 0 || keyword == "anyOf" && right > 0 || keyword == "oneOf" && right == 1 {
		return ""
	}
	return fmt.Sprintf("%s of %d right: %s", keyword, right, strings.Join(wrongs, "; "))
}

func newValidator(t *testing.T) *validator {
	t.Helper()
	v := &validator{t: t}
	if err := json.Unmarshal(JSONSchema(), &v.root); err != nil {
		t.Fatal(err)
	}
	return v
}

// document says what is wrong with a YAML document; ok is false where it cannot be read at all, as with repeated keys.
func (v *validator) document(text string) (wrong string, ok bool) {
	var value any
	if yaml.Unmarshal([]byte(text), &value) != nil {
		return "", false
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return "", false
	}
	var plain any
	if err := json.Unmarshal(encoded, &plain); err != nil {
		v.t.Fatal(err)
	}
	return v.wrong(v.root, plain, ""), true
}

// TestSchemaAgreesWithDecoder: what the decoder takes the schema takes; what the decoder refuses for its shape the schema
// refuses.
func TestSchemaAgreesWithDecoder(t *testing.T) {
	v := newValidator(t)
	good := []string{setDocument(everyField), testDocument(everyTestField)}
	for _, tc := range modelCases {
		if strings.TrimSpace(tc.spec) != "" {
			good = append(good, setDocument(tc.spec))
		}
	}
	for _, text := range good {
		if wrong, ok := v.document(text); wrong != "" || !ok {
			t.Errorf("the schema refuses what the decoder takes: %s\n%s", wrong, text)
		}
	}
	refused := 0
	check := func(document, finding string) {
		wrong, ok := v.document(document)
		if !ok || !aboutShape(finding) {
			return
		}
		refused++
		if wrong == "" {
			t.Errorf("the schema takes what the decoder refuses: %s\n%s", finding, document)
		}
	}
	for _, tc := range badSpecs {
		check(setDocument(tc.spec), tc.want)
	}
	for _, tc := range badTests {
		check(testDocument(tc.spec), tc.want)
	}
	if refused < 40 {
		t.Errorf("%d bad documents compared, want at least 40", refused)
	}
}

// aboutShape reports whether a schema can say what the finding says.
func aboutShape(finding string) bool {
	for _, beyond := range []string{"has no address", "operator In needs values"} {
		if strings.Contains(finding, beyond) {
			return false
		}
	}
	for _, id := range []string{"[config-unknown-field]", "[config-wrong-type]", "[config-missing]"} {
		if strings.Contains(finding, id) {
			return true
		}
	}
	return strings.Contains(finding, "must be one of") && strings.Contains(finding, "[config-bad-value]") && !strings.Contains(finding, "protocol") && !strings.Contains(finding, "kind before")
}
