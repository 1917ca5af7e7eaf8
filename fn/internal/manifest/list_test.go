package manifest

import "testing"

func TestReadListAgreesWithFramework(t *testing.T) {
	for _, s := range listSeeds {
		t.Run(s.name, func(t *testing.T) {
			if _, ok := readCanonicalList([]byte(s.text)); ok != s.canonical {
				t.Errorf("recognised as canonical: %v, want %v", ok, s.canonical)
			}
			checkAgainstFramework(t, []byte(s.text))
		})
	}
}
