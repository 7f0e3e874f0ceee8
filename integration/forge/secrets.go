package forge

// Secrets are the tokens that the forge knows, those that it gave apps included.
func (s *Server) Secrets() []string {
	secrets := []string{s.cfg.Token}
	for _, token := range []string{s.cfg.JobToken, s.cfg.ReadToken} {
		if token != "" {
			secrets = append(secrets, token)
		}
	}
	a := s.cfg.apps
	a.mu.Lock()
	defer a.mu.Unlock()
	for token := range a.tokens {
		secrets = append(secrets, token)
	}
	return secrets
}
