package cmd

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/retry"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/secret"
)

// newClient returns the client for everything that goes over http, git and API alike. It takes HTTP_PROXY, HTTPS_PROXY
// and NO_PROXY from the environment, and trusts the machine's certificate authorities (SSL_CERT_FILE, SSL_CERT_DIR) and
// those in the file caFile. An idempotent request that hangs takes no more than a part of timeout.
func newClient(caFile string, timeout time.Duration, log *slog.Logger, secrets *secret.Redactor) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.OnProxyConnectResponse = retry.CheckProxy
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
			return nil, usage.Errorf("give a file with certificates in PEM",
				"-ca-file: %s holds no certificate", caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: retry.Transport{
		Next: logged{next: transport, log: log, secrets: secrets}, Log: log, Silence: min(time.Minute, timeout/4),
	}}, nil
}

// logged is a http.RoundTripper that names the program in every request, whichever library makes it, logs the request,
// and registers what it authenticates with at the redactor.
type logged struct {
	next    http.RoundTripper
	log     *slog.Logger
	secrets *secret.Redactor
}

// RoundTrip implements http.RoundTripper.
func (l logged) RoundTrip(r *http.Request) (*http.Response, error) {
	l.secrets.Add(auth.SecretsOfRequest(r)...)
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
