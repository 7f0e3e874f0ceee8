package yamledit

// SetPieceSize sets the least size of a piece, and returns a function that takes that back.
func SetPieceSize(size int) (undo func()) {
	old := pieceSize
	pieceSize = size
	return func() { pieceSize = old }
}
