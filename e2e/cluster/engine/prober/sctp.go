package prober

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// SCTP goes over raw sockets, so that it is probed on kernels without CONFIG_IP_SCTP too: the first two packets of an
// association (RFC 9260, section 5.1) are what a policy lets through or not. The name travels in the cookie.
const (
	sctpInit    = 1 // chunk type INIT
	sctpInitAck = 2 // chunk type INIT ACK
	// commonHeader is source port, destination port, verification tag and checksum.
	commonHeader = 12
	// initChunk is chunk header, initiate tag, window, streams out, streams in and initial TSN.
	initChunk = 20
	// cookie is the parameter State Cookie.
	cookie = 7
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// packet is an SCTP packet with one INIT or INIT ACK.
type packet struct {
	from, to uint16 // ports
	tag      uint32 // verification tag: 0 on INIT, the INIT's initiate tag on INIT ACK
	chunk    byte
	initiate uint32 // initiate tag
	cookie   []byte // of INIT ACK
}

func (p packet) encode() []byte {
	b := make([]byte, commonHeader+initChunk)
	binary.BigEndian.PutUint16(b[0:], p.from)
	binary.BigEndian.PutUint16(b[2:], p.to)
	binary.BigEndian.PutUint32(b[4:], p.tag)
	c := b[commonHeader:]
	c[0] = p.chunk
	binary.BigEndian.PutUint32(c[4:], p.initiate)
	binary.BigEndian.PutUint32(c[8:], 65536) // window
	binary.BigEndian.PutUint16(c[12:], 1)    // streams out
	binary.BigEndian.PutUint16(c[14:], 1)    // streams in
	binary.BigEndian.PutUint32(c[16:], 1)    // initial TSN
	length := initChunk
	if len(p.cookie) > 0 {
		parameter := binary.BigEndian.AppendUint16(nil, cookie)
		parameter = binary.BigEndian.AppendUint16(parameter, uint16(4+len(p.cookie)))
		parameter = append(parameter, p.cookie...)
		for len(parameter)%4 != 0 {
			parameter = append(parameter, 0)
		}
		b = append(b, parameter...)
		// The chunk's length leaves out the padding of its last parameter.
		length += 4 + len(p.cookie)
	}
	binary.BigEndian.PutUint16(b[commonHeader+2:], uint16(length))
	// The checksum goes in with its bytes swapped: RFC 9260, appendix A.
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, castagnoli))
	return b
}

// decode reads a packet that begins with an INIT or INIT ACK.
func decode(b []byte) (packet, error) {
	if len(b) < commonHeader+initChunk {
		return packet{}, fmt.Errorf("%d bytes are no INIT", len(b))
	}
	sum := binary.LittleEndian.Uint32(b[8:])
	unsummed := bytes.Clone(b)
	clear(unsummed[8:12])
	if crc32.Checksum(unsummed, castagnoli) != sum {
		return packet{}, errors.New("the checksum is wrong")
	}
	c := b[commonHeader:]
	p := packet{
		from: binary.BigEndian.Uint16(b[0:]), to: binary.BigEndian.Uint16(b[2:]), tag: binary.BigEndian.Uint32(b[4:]),
		chunk: c[0], initiate: binary.BigEndian.Uint32(c[4:]),
	}
	if p.chunk != sctpInit && p.chunk != sctpInitAck {
		return packet{}, fmt.Errorf("the first chunk has type %d", p.chunk)
	}
	if rest := c[initChunk:]; len(rest) >= 4 && binary.BigEndian.Uint16(rest) == cookie {
		if n := int(binary.BigEndian.Uint16(rest[2:])); n >= 4 && n <= len(rest) {
			p.cookie = rest[4:n]
		}
	}
	return p, nil
}

// openSCTP answers each INIT to one of the ports.
func (s Serve) openSCTP(family string) error {
	c, err := net.ListenIP("ip"+family+":132", nil)
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromIP(b)
			if err != nil {
				return
			}
			asked, err := decode(b[:n])
			if err != nil || asked.chunk != sctpInit || !s.has(asked.to) {
				continue
			}
			address, _ := netip.AddrFromSlice(from.IP)
			answer := packet{
				from: asked.to, to: asked.from, tag: asked.initiate, chunk: sctpInitAck, initiate: 1,
				cookie: greeting(s.Name, address),
			}
			_, _ = c.WriteToIP(answer.encode(), from)
		}
	}()
	return nil
}

func (s Serve) has(port uint16) bool {
	for _, p := range s.Ports {
		if p == int32(port) {
			return true
		}
	}
	return false
}

// sourcePorts counts the ports of the probes, so that no two in a row are one association to the connection tracker.
var sourcePorts atomic.Uint32

// overSCTP sends an INIT and waits for its INIT ACK.
func (p Probe) overSCTP(from, to netip.Addr, timeout time.Duration) ([]byte, error) {
	network := "ip4:132"
	if to.Is6() {
		network = "ip6:132"
	}
	c, err := net.DialIP(network, &net.IPAddr{IP: from.AsSlice()}, &net.IPAddr{IP: to.AsSlice()})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	n := sourcePorts.Add(1)
	asked := packet{from: uint16(20000 + n%40000), to: uint16(p.Port), chunk: sctpInit, initiate: n}
	if _, err := c.Write(asked.encode()); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(timeout)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return nil, os.ErrDeadlineExceeded
		}
		b, err := readOne(c, left)
		if err != nil {
			return nil, err
		}
		// A raw socket gets all SCTP of the other end, with the header of IPv4.
		if answer, err := decode(withoutIPv4Header(b, to)); err == nil && answer.answers(asked) {
			return answer.cookie, nil
		}
	}
}

func (p packet) answers(asked packet) bool {
	return p.chunk == sctpInitAck && p.from == asked.to && p.to == asked.from && p.tag == asked.initiate
}

func withoutIPv4Header(b []byte, peer netip.Addr) []byte {
	if peer.Is4() && len(b) > 0 {
		if n := int(b[0]&15) * 4; n <= len(b) {
			return b[n:]
		}
	}
	return b
}
