package forge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Name is a name in the forge's certificate, in addition to localhost and 127.0.0.1. Nothing resolves it; see
// StartProxy.
const Name = "forge.example.com"

// TLS is what a client needs to reach the forge over TLS.
type TLS struct {
	URL    string // "https://127.0.0.1:PORT"
	CAFile string // the certificate, in PEM, of the private authority that signed the server's
	Port   int
}

// StartTLS serves the same over HTTPS as well (HTTP/2 and 1.1), on another free port of 127.0.0.1, with a certificate
// for Name, localhost and 127.0.0.1. Its authority is made for the purpose and written below Dir/tls. It fails when
// called twice or after Close.
func (s *Server) StartTLS() (TLS, error) {
	access, err := s.startTLS()
	if err != nil {
		return TLS{}, fmt.Errorf("start TLS: %w", err)
	}
	return access, nil
}

func (s *Server) startTLS() (TLS, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tls != "" {
		return TLS{}, errors.New("it runs already")
	}
	if err := s.ctx.Err(); err != nil { // closed: nobody would end it
		return TLS{}, err
	}
	ca, cert, err := certificate()
	if err != nil {
		return TLS{}, err
	}
	file := filepath.Join(s.cfg.Dir, "tls", "ca.pem")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, ca, 0o644)); err != nil {
		return TLS{}, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return TLS{}, err
	}
	s.tls = ln.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	s.served.Go(func() { _ = s.http.Serve(tls.NewListener(ln, config)) })
	return TLS{URL: "https://" + s.tls, CAFile: file, Port: ln.Addr().(*net.TCPAddr).Port}, nil
}

// certificate makes a certification authority, in PEM, and a server's certificate that it has signed.
func certificate() (ca []byte, server tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, server, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, server, err
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Forge's test authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: Name},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{Name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, authority, authority, caKey.Public(), caKey)
	if err != nil {
		return nil, server, err
	}
	parent, err := x509.ParseCertificate(caDER) // with the key's identifier, which the leaf refers to
	if err != nil {
		return nil, server, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, key.Public(), caKey)
	if err != nil {
		return nil, server, err
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return ca, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
