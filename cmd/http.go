package cmd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"update-gitops-repo/secret"
)

// newClient gives the client for everything that goes over http, git and API alike. It takes HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY from the environment, and trusts the machine's certificate authorities (SSL_CERT_FILE, SSL_CERT_DIR) and
// those in the file caFile. A request that hangs does not take more than a part of timeout, if it can be sent again.
func newClient(caFile string, timeout time.Duration, log *slog.Logger, secrets *secret.Redactor) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
		if r.StatusCode != http.StatusOK {
			return &proxyError{r.StatusCode} // The transport's own keeps no more than the text of the status.
		}
		return nil
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("-ca-file: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // A machine without any, such as an image from scratch.
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, usage("give a file with certificates in PEM", "-ca-file: %s holds no certificate", caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: retrying{
		next: logged{next: transport, log: log, secrets: secrets}, log: log, silence: min(time.Minute, timeout/4), pause: firstPause,
	}}, nil
}

// proxyError is a proxy that does not connect to the server.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy says: %d %s", e.status, http.StatusText(e.status))
}

// logged names the program in every request, whichever library makes it, logs it, and has nobody show what it authenticates
// with.
type logged struct {
	next    http.RoundTripper
	log     *slog.Logger
	secrets *secret.Redactor
}

// RoundTrip implements http.RoundTripper.
func (l logged) RoundTrip(r *http.Request) (*http.Response, error) {
	l.secrets.Add(secretsOfRequest(r)...)
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "update-gitops-repo/"+version())
	response, err := l.next.RoundTrip(r)
	if err != nil {
		l.log.Debug("request failed", "method", r.Method, "url", r.URL.Redacted(), "error", err)
		return nil, err
	}
	l.log.Debug("request", "method", r.Method, "url", r.URL.Redacted(), "status", response.StatusCode)
	return response, nil
}
