"""The management API as a whole: its errors, its reader of bodies, its document and its pages."""
