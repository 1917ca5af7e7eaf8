package reachability

import "math/bits"

// set is a set of small numbers that lie close together: words[0] holds the numbers from 64*offset.
type set struct {
	offset int
	words  []uint64
}

// newSet makes a set of numbers in ascending order.
func newSet(ascending []int) set {
	if len(ascending) == 0 {
		return set{}
	}
	first, last := ascending[0]>>6, ascending[len(ascending)-1]>>6
	s := set{first, make([]uint64, last-first+1)}
	for _, n := range ascending {
		s.words[n>>6-first] |= 1 << (n & 63)
	}
	return s
}

func (s set) has(n int) bool {
	i := n>>6 - s.offset
	return i >= 0 && i < len(s.words) && s.words[i]&(1<<(n&63)) != 0
}

// addTo sets the bits of s in words, which start at 0.
func (s set) addTo(words []uint64) {
	for i, w := range s.words {
		words[s.offset+i] |= w
	}
}

// numbers are the members in ascending order.
func (s set) numbers() []int {
	var out []int
	for i, word := range s.words {
		for ; word != 0; word &= word - 1 {
			out = append(out, (s.offset+i)<<6+bits.TrailingZeros64(word))
		}
	}
	return out
}
