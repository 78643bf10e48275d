// @peculiar/x509 throws at import unless reflect-metadata is there, so everybody takes it from here.
import 'reflect-metadata'

export * from '@peculiar/x509'
