//! Nothing but a manifest: one set of features for the dependencies of the whole workspace.
